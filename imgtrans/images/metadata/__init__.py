"""What pictures carry besides pixels: kept as it is where it stays true, and made true where it would not."""
