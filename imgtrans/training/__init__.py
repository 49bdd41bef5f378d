"""Training: data, objective, loop, checkpoint."""
