"""Ways to compute a network, each in a module of its own."""
