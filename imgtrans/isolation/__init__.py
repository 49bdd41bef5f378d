"""Plugins held to what they promise: what goes wrong in one is said with its package, and harms nothing else."""
