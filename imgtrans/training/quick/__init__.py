"""Layers that compute what PyTorch's do with fewer multiplications, gradients included, for training on a CPU."""
