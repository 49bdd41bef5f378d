"""How good translated pictures are, in numbers: distances between sets of pictures, and what saw them."""
