"""The backend ``prepared``: a network as a program of kernels, the same for pictures of any size."""

import sys
from pathlib import Path

import torch
from torch import nn

from imgtrans.devices import computing_threads
from imgtrans.errors import UnavailableError
from imgtrans.memory import is_out_of_memory
from imgtrans.protocols import Interrupted, Pixels
from imgtrans.streaming.streamer import Streamer

LIMIT = 1e-4  # how far values in [-1, 1] may be from the plain network's
PROBES = (
    32,
    128,
)  # pixels of the sides of the pictures that this is tried with, the second where the first is too small


class PreparedSession:
    """A prepared network.

    Args:
        streamer: The network.

    Attributes:
        streamer: It, for whoever has less memory than a whole picture takes.
    """

    def __init__(self, streamer: Streamer) -> None:
        self.streamer = streamer
        self._interrupted = False

    def interrupt(self) -> None:
        """End a run in another thread after its next strip; see :class:`imgtrans.protocols.Interruptible`."""
        self._interrupted = True

    def run(self, pictures: Pixels) -> Pixels:
        """Translate pictures (N, H, W, 3), 0 to 255 (uint8) or 0 to 65535 (uint16), to the same shape and type.

        Raises:
            MemoryError: If one does not fit into memory.
        """
        self._look_up()
        results = pictures.copy()
        for picture, result in zip(pictures, results, strict=True):
            self._translate(picture, result)
        return results

    def _translate(self, picture: Pixels, result: Pixels) -> None:
        def source(start: int, stop: int) -> Pixels:
            rows: Pixels = picture[start:stop]
            return rows

        def sink(start: int, rows: Pixels) -> None:
            result[start : start + len(rows)] = rows

        how = self.streamer.plan(picture.shape[0], picture.shape[1], memory=sys.maxsize)
        try:
            self.streamer.run(
                how, source, sink, depth=8 * picture.itemsize, scratch=Path(), progress=lambda _: self._look_up()
            )
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            raise MemoryError(str(error)) from error

    def _look_up(self) -> None:
        if self._interrupted:
            raise Interrupted


class PreparedBackend:
    """Makes :class:`PreparedSession`."""

    name = "prepared"

    def open(self, network: nn.Module, device: torch.device, precision: torch.dtype) -> PreparedSession:
        """Make a network ready, and try whether it still computes what it did.

        Raises:
            UnavailableError: If it cannot be prepared, or comes out differently.
        """
        if device.type != "cpu" or precision is not torch.float32:
            raise UnavailableError("prepared networks compute on a CPU in float32")
        try:
            from imgtrans.kernels.library import library  # noqa: PLC0415 - nothing else needs LLVM

            kernels = library()
        except (ImportError, OSError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise UnavailableError(f"LLVM, which prepares networks, does not work here: {reason}") from error
        try:
            streamer = Streamer(network, device, precision, kernels)
        except ValueError as error:
            raise UnavailableError(f"{error}, nor prepared") from error
        if not streamer.by_kernel:
            raise UnavailableError("there is no kernel for any layer of this network")
        try:
            difference = _difference(network, streamer)
        except Exception as error:  # a plugin's network may fail in any way; plain PyTorch says so picture by picture
            reason = " ".join(str(error).split())
            raise UnavailableError(f"the network cannot be tried with a picture of noise: {reason}") from error
        if not difference <= LIMIT:
            raise UnavailableError(f"the prepared network differs from the plain one by {difference:.1g}")
        streamer.forget_weights()
        return PreparedSession(streamer)


def _difference(network: nn.Module, streamer: Streamer) -> float:
    """Return how far the prepared network's values are from the plain one's at most, for a picture of noise."""
    with computing_threads(1):  # for so little, others would be waited for longer than they would help
        for side in PROBES:
            try:
                return _difference_at(network, streamer, side)
            except (RuntimeError, ValueError):
                if side == PROBES[-1]:
                    raise
    raise AssertionError


@torch.inference_mode()
def _difference_at(network: nn.Module, streamer: Streamer, side: int) -> float:
    given = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0)) * 2 - 1
    expected = network(given)
    result = torch.empty_like(expected)

    def sink(start: int, rows: torch.Tensor) -> None:
        result[:, :, start : start + rows.shape[2]] = rows

    how = streamer.plan(side, side, memory=sys.maxsize)
    streamer.run_maps(how, lambda start, stop: given[:, :, start:stop], sink, scratch=Path())
    return float((result - expected).abs().max())


backend = PreparedBackend()
