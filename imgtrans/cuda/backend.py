"""The backend ``fused``: a network as a program of few operations for a CUDA device, tried before it is used."""

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from imgtrans.cuda.comparing import known_ratio, measured_ratio
from imgtrans.cuda.compiling import COMPILE_SECONDS, is_compiled, kept_compiled, note_compiled
from imgtrans.cuda.normalising import ByPyTorch, ByTriton, Normalise
from imgtrans.cuda.program import Program
from imgtrans.cuda.session import ProgramSession
from imgtrans.errors import UnavailableError
from imgtrans.memory import is_out_of_memory
from imgtrans.streaming.program import program_of
from imgtrans.streaming.steps import Step

# Pixels of the sides of the pictures that a network is tried with, the second where the first is too small.
SIDES = (32, 128)

# How far from the network's true values it may be, beyond what plain PyTorch is in the same precision: on average, and
# anywhere, of values in [-1, 1].
LIMIT, TIMES = 1e-4, 2.0
LIMIT_ANYWHERE, TIMES_ANYWHERE = 2e-3, 3.0
OF_TF32 = 0.25  # of the rounding of bfloat16, at most, is TF32's, in which a card multiplies float32

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
        true = _truth(network.eval(), device, precision)
        if device.type == "cpu":
            return self._tried(network, true, device, precision, _by_pytorch)
        return self._on_card(network, true, device, precision)

    def _on_card(
        self, network: nn.Module, true: "Truth", device: torch.device, precision: torch.dtype
    ) -> ProgramSession:
        """Return a session with kernels, or without, and why.

        Raises:
            UnavailableError: If there is none.
        """
        reason = ""
        with torch.cuda.device(device):  # which is where kernels go
            if _by_pixel(device, precision):
                try:
                    session = self._tried(network, true, device, precision, _by_triton())
                    note_compiled(device)
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
        true: "Truth",
        device: torch.device,
        precision: torch.dtype,
        normalise: Callable[[int], Normalise],
    ) -> ProgramSession:
        """Return a session whose results are those of the network.

        Raises:
            UnavailableError: If there is none.
        """
        try:
            program = Program(network, device, precision, normalise)
        except ValueError as error:
            raise UnavailableError(f"{error}, nor fused") from error
        try:
            true.check(program, device)
            session = ProgramSession(program, device)
            session.check(true.given.shape[2])
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


def _by_triton() -> Callable[[int], Normalise]:
    """Return what makes Triton's kernels.

    Raises:
        UnavailableError: If there is no Triton.
    """
    try:
        kept_compiled()
    except ImportError as error:
        raise UnavailableError(f"there is no Triton, which compiles kernels: {error}") from error
    return ByTriton


def _is_long(network: nn.Module, pixels: Callable[[], float]) -> bool:
    """Whether a run gains more seconds than compiling takes, by reckoning."""
    return SAVED * pixels() * _operations_per_pixel(network) / PLAIN_RATE >= COMPILE_SECONDS


def _slower(ratio: float) -> str:
    return f"plain PyTorch is {1 / ratio:.2g} times as fast here"


def _by_pytorch(narrowest: int) -> Normalise:
    return ByPyTorch()


@dataclass(frozen=True)
class Truth:
    """What a network makes of pictures of noise, and how near to it one may come.

    Attributes:
        given: The pictures.
        made: What it makes of them in float32.
        mean: How far from that values may be on average.
        most: How far any may be.
    """

    given: Tensor
    made: Tensor
    mean: float
    most: float

    @torch.inference_mode()
    def check(self, program: Program, device: torch.device) -> None:
        """Compare a program.

        Raises:
            UnavailableError: If it is too far.
        """
        mean, most = _apart(program(self.given.to(device, copy=True)).to(self.made.device), self.made)
        if not (mean <= self.mean and most <= self.most):
            raise UnavailableError(
                f"the fused network differs from the plain one by {mean:.1g} on average and {most:.1g} at most"
            )


@torch.inference_mode()
def _truth(network: nn.Module, device: torch.device, precision: torch.dtype) -> Truth:
    """Try a network where it is, mostly on the CPU, so that a card need not load what only this would want.

    Raises:
        UnavailableError: If it takes no such pictures.
    """
    here = next((weight.device for weight in network.parameters()), torch.device("cpu"))
    for side in SIDES:
        given = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0)).to(here) * 2 - 1
        try:
            with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
                made = network(given.clone()).float()
            with torch.autocast(here.type, torch.bfloat16):
                rounded = network(given.clone())
            break
        except Exception as error:  # a plugin's network may fail in any way
            reason = " ".join(str(error).split())[:200]
    else:
        raise UnavailableError(f"the network cannot be tried with pictures of noise: {reason}")
    share = 1.0 if precision is torch.bfloat16 else OF_TF32 if device.type == "cuda" else 0.0
    mean, most = _apart(rounded, made)
    return Truth(given, made, LIMIT + share * TIMES * mean, LIMIT_ANYWHERE + share * TIMES_ANYWHERE * most)


def _apart(one: Tensor, other: Tensor) -> tuple[float, float]:
    apart = (one.float() - other).abs()
    return float(apart.mean()), float(apart.max())


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
