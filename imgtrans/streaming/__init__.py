"""A whole picture through a generator, exactly, in bounded memory: strip by strip, between its normalisations."""
