"""What single formats need that Pillow alone does not give them: a module each."""
