"""What there is to translate: which files, which of them are pictures, and where the output of each goes."""
