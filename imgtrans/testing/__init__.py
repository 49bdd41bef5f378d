"""Checks that hold an implementation to its contract; a plugin's first test calls them (``docs/plugins.md``)."""

from imgtrans.testing.architecture import check_architecture, check_checkpoint, shapes_of
from imgtrans.testing.backend import check_backend, check_parity
from imgtrans.testing.executor import check_executor
from imgtrans.testing.imports import PUBLIC, check_imports
from imgtrans.testing.objective import check_objective

__all__ = [
    "PUBLIC",
    "check_architecture",
    "check_backend",
    "check_checkpoint",
    "check_executor",
    "check_imports",
    "check_objective",
    "check_parity",
    "shapes_of",
]
