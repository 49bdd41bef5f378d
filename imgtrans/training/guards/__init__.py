"""Guards: what goes wrong with a training is found while it happens, from its losses and from what it makes."""
