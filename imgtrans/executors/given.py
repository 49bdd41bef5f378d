"""What is ready already, for an executor that opens it."""

from dataclasses import dataclass
from typing import Any

from imgtrans.protocols import Ready


@dataclass(frozen=True)
class Given:
    """An opening of what is there; it stays in this process.

    Attributes:
        ready: What is there.
        device: Where it computes.
    """

    ready: Ready
    device: str = "cpu"

    def open(self, **told: Any) -> Ready:
        """Give it; nothing is told."""
        return self.ready
