"""How good the generators of a training are, told while it goes on, and the best of them kept."""
