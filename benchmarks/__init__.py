"""What imgtrans takes, against plain PyTorch and the loop that people write: ``python -m benchmarks [--quick]``."""
