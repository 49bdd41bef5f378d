"""The backend ``fused``: a network as a program of few operations for a CUDA device, tried before it is used."""

import contextlib
import math
from collections.abc import Callable

import torch
from torch import nn

from imgtrans.cuda.comparing import known_ratio, measured_ratio
from imgtrans.cuda.compiling import COMPILE_SECONDS, is_compiled, kept_compiled, note_compiled
from imgtrans.cuda.ends import Ends, EndsByTriton
from imgtrans.cuda.normalising import ByPyTorch, ByTriton, Normalise
from imgtrans.cuda.program import Program
from imgtrans.cuda.session import ProgramSession
from imgtrans.cuda.truth import SIDES, Truth, is_known, note_known, truth_of
from imgtrans.errors import UnavailableError
from imgtrans.memory import is_out_of_memory
from imgtrans.streaming.program import program_of
from imgtrans.streaming.steps import Step

TENSOR_CORES = (8, 0)  # the compute capability from which on they take bfloat16, and float32 as TF32

# What plain PyTorch did in bfloat16 on an H100, the slowest way for a card there is: what is saved elsewhere is more.
PLAIN_RATE = 1.2e14  # floating-point operations a second
SAVED = 0.5  # of that time, by reckoning: half of it goes into passes over memory that are not made here


class FusedBackend:
    """Makes :class:`imgtrans.cuda.session.ProgramSession`."""

    name = "fused"

    def open(self, network: nn.Module, device: torch.device, precision: torch.dtype) -> ProgramSession:
        """Make a network ready, and try whether it still computes what it did.

        Kernels that cannot be compiled are done without, and so are recordings; the session's ``reason`` says so.

        Raises:
            UnavailableError: If the network has something that is not known, or comes out differently.
        """
        if device.type not in ("cuda", "cpu"):
            raise UnavailableError("fused networks compute on a CUDA device or a CPU")
        network = network.eval()
        if device.type == "cpu":
            return self._tried(network, truth_of(network, device, precision), device, precision, _by_pytorch)
        if _by_pixel(device, precision) and is_known(network, device, precision):
            with contextlib.suppress(UnavailableError), torch.cuda.device(device):  # else it is tried anew
                return self._tried(network, None, device, precision, *_by_triton())
        return self._on_card(network, truth_of(network, device, precision), device, precision)

    def _on_card(self, network: nn.Module, true: Truth, device: torch.device, precision: torch.dtype) -> ProgramSession:
        """Return a session with kernels, or without, and why.

        Raises:
            UnavailableError: If there is none.
        """
        reason = ""
        with torch.cuda.device(device):  # which is where kernels go
            if _by_pixel(device, precision):
                try:
                    kernels, ends = _by_triton()
                    try:
                        session = self._tried(network, true, device, precision, kernels, ends)
                    except UnavailableError as error:  # most of it may do without those at both ends
                        session = self._tried(network, true, device, precision, kernels)
                        session.reason = error.message
                    note_compiled(device)
                    if session.is_whole:
                        note_known(network, device, precision)
                    return session
                except UnavailableError as error:
                    reason = error.message
            session = self._tried(network, true, device, precision, _by_pytorch)
        session.reason = reason or session.reason
        return session

    def why_not(
        self, network: nn.Module, device: torch.device, precision: torch.dtype, pixels: Callable[[], float]
    ) -> str:
        """Say why a run is better off without: it was slower here, or the compiler would take more than it would gain.

        Args:
            network: The network.
            device: Where it would compute.
            precision: In which it would.
            pixels: Tells of all pictures together; asked only if something has to be compiled.

        Returns:
            A sentence, or "" if it is not.
        """
        if (ratio := known_ratio(network, device, precision)) is not None and ratio < 1:
            return _slower(ratio)
        if is_compiled(device) or not _by_pixel(device, precision):
            return ""
        if _is_long(network, pixels):
            return ""
        return (
            f"kernels, which take {COMPILE_SECONDS:.0f} seconds to be compiled once, would gain less in so short a run"
        )

    def why_slower(
        self,
        session: ProgramSession,
        network: nn.Module,
        device: torch.device,
        precision: torch.dtype,
        pixels: Callable[[], float],
    ) -> str:
        """Say that plain PyTorch is faster, if it is: that is measured in the first run that is long enough for it.

        Args:
            session: What was opened.
            network: The network.
            device: Where it computes.
            precision: In which it does.
            pixels: Tells of all pictures together.
        """
        ratio = known_ratio(network, device, precision)
        if ratio is None and _is_long(network, pixels):
            with contextlib.suppress(MemoryError):
                ratio = measured_ratio(session, network, device, precision)
        return "" if ratio is None or ratio >= 1 else _slower(ratio)

    def _tried(
        self,
        network: nn.Module,
        true: Truth | None,
        device: torch.device,
        precision: torch.dtype,
        normalise: Callable[[int], Normalise],
        ends: Ends | None = None,
    ) -> ProgramSession:
        """Return a session whose results are those of the network, which is tried unless that is known.

        Raises:
            UnavailableError: If there is none.
        """
        try:
            program = Program(network, device, precision, normalise, ends)
        except ValueError as error:
            raise UnavailableError(f"{error}, nor fused") from error
        try:
            if true is not None:
                true.check(program, device)
            session = ProgramSession(program, device)
            session.check(SIDES[0] if true is None else true.given.shape[1], again=true is None)
        except UnavailableError:
            raise
        except Exception as error:  # a compiler may fail in any way, and plain PyTorch goes on without it
            if isinstance(error, RuntimeError) and is_out_of_memory(error):
                raise UnavailableError("the device has too little memory free") from error
            reason = " ".join(str(error).split())[:200]
            raise UnavailableError(f"kernels do not work here: {type(error).__name__}: {reason}") from error
        return session


def _by_pixel(device: torch.device, precision: torch.dtype) -> bool:
    """Whether a card multiplies maps that lie pixel by pixel the quicker way: only if it has tensor cores for them."""
    return precision is torch.bfloat16 or torch.cuda.get_device_capability(device) >= TENSOR_CORES


def _by_triton() -> tuple[Callable[[int], Normalise], Ends]:
    """Return what makes Triton's kernels for normalisations, and those for both ends.

    Raises:
        UnavailableError: If there is no Triton.
    """
    try:
        kept_compiled()
    except ImportError as error:
        raise UnavailableError(f"there is no Triton, which compiles kernels: {error}") from error
    return ByTriton, EndsByTriton()


def _is_long(network: nn.Module, pixels: Callable[[], float]) -> bool:
    """Whether a run gains more seconds than compiling takes, by reckoning."""
    return SAVED * pixels() * _operations_per_pixel(network) / PLAIN_RATE >= COMPILE_SECONDS


def _slower(ratio: float) -> str:
    return f"plain PyTorch is {1 / ratio:.2g} times as fast here"


def _by_pytorch(narrowest: int) -> Normalise:
    return ByPyTorch()


def _operations_per_pixel(network: nn.Module) -> float:
    """Return the floating-point operations for each pixel of a picture; infinity if that cannot be known here."""
    try:
        program = program_of(network.eval())
    except ValueError:
        return math.inf  # whatever it is, it will be tried on the device
    channels, height, width, total = 3, SIDES[-1], SIDES[-1], 0.0
    for op in program:
        if isinstance(op, Step):
            height, width = op.size(height, width)
            total += 2 * op.work(channels) * height * width
            channels = op.channels or channels
    return total / SIDES[-1] ** 2


backend = FusedBackend()
