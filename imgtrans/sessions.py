"""A session of any function from values to values: what a backend of another runtime needs, and no more."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imgtrans.protocols import Interrupted, Pixels

if TYPE_CHECKING:
    from torch import nn

Values = NDArray[np.float32]

# Sides of the squares that a network is tried with: the first that it takes and keeps.
SIDES = (32, 64, 128, 256, 512, 1024)


class ArraySession:
    """Runs pictures through a function of arrays; see :class:`imgtrans.protocols.Session`.

    Args:
        compute: Maps (N, 3, H, W), contiguous, values in [-1, 1], to pictures in [-1, 1], of any shape: what has
            another is refused here. A MemoryError says that fewer pictures may fit.
        cancel: Ends a computation that is at work in another thread, which may then raise anything.
        reason: What the user has to know of how it computes, in a sentence; mostly "".

    Attributes:
        reason: That.
    """

    def __init__(
        self, compute: Callable[[Values], Values], cancel: Callable[[], None] = lambda: None, reason: str = ""
    ) -> None:
        self._compute, self._cancel, self.reason = compute, cancel, reason
        self._interrupted = False

    def interrupt(self) -> None:
        """End a run in another thread; see :class:`imgtrans.protocols.Interruptible`."""
        self._interrupted = True
        self._cancel()

    def run(self, pictures: Pixels) -> Pixels:
        """Translate pictures (N, H, W, 3), 0 to 255 (uint8) or 0 to 65535 (uint16), to the same shape and type.

        Raises:
            MemoryError: If the batch does not fit into memory.
            ValueError: If the network makes pictures of another size of these.
        """
        self._look_up()
        half = np.float32(np.iinfo(pictures.dtype).max / 2)
        values = np.ascontiguousarray(pictures.transpose(0, 3, 1, 2), np.float32)
        values /= half
        values -= 1
        try:
            made = self._compute(values)
        except Exception:
            self._look_up()  # what a computation that is broken off says is of no interest
            raise
        self._look_up()
        if made.shape != values.shape:
            height, width = values.shape[2:]
            raise ValueError(
                f"of pictures of {width}x{height} the network makes {'x'.join(map(str, made.shape[:0:-1]))}: "
                "pad them to sides that it keeps"
            )
        made = (made + np.float32(1)) * half
        np.rint(made, out=made)
        np.clip(made, 0, 2 * half, out=made)
        result: Pixels = np.ascontiguousarray(made.transpose(0, 2, 3, 1)).astype(pictures.dtype)
        return result

    def _look_up(self) -> None:
        if self._interrupted:
            raise Interrupted


def side_of(network: "nn.Module") -> int:
    """Return the side of a small square that a network takes and keeps.

    Raises:
        ValueError: If it takes none of ``SIDES``.
    """
    return _tried(network)[0]


def difference(compute: Callable[[Values], Values], network: "nn.Module") -> float:
    """Return how far a function's values are, at most, from those that plain PyTorch computes in float32 on the CPU.

    Args:
        compute: As :class:`ArraySession` takes it.
        network: The network, on the CPU. It is tried with a square of noise, and a larger rectangle.

    Raises:
        ValueError: If it takes none of ``SIDES``.
    """
    import torch

    side, expected = _tried(network)
    largest = float(np.abs(compute(_noise(side, side)) - expected).max())
    other = _noise(side, 2 * side)
    with torch.inference_mode():
        expected = network(torch.from_numpy(other)).numpy()
    return max(largest, float(np.abs(compute(other) - expected).max()))


def _tried(network: "nn.Module") -> tuple[int, Values]:
    import torch

    last: Exception | None = None
    for side in SIDES:
        try:
            with torch.inference_mode():
                made: Values = network(torch.from_numpy(_noise(side, side))).numpy()
        except (RuntimeError, ValueError) as error:  # too small, or no multiple of what it needs
            last = error
            continue
        if made.shape == (1, 3, side, side):
            return side, made
    raise ValueError(f"the network takes no square of {SIDES[0]} to {SIDES[-1]} pixels as it is") from last


def _noise(height: int, width: int) -> Values:
    noise: Values = np.random.default_rng(0).uniform(-1, 1, (1, 3, height, width)).astype(np.float32)
    return noise
