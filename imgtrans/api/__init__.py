"""What other programs use: a model as a callable, and a run as an iterator; see docs/api.md."""
