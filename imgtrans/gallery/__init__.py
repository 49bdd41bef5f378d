"""A page that shows what is in an output folder: originals and translations, side by side."""
