"""What a network makes of pictures of noise, and whether its program makes the same; tried once, and remembered."""

import contextlib
import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from imgtrans.cuda.compiling import mark
from imgtrans.cuda.ends import as_map
from imgtrans.cuda.program import Program
from imgtrans.errors import UnavailableError

# Pixels of the sides of the pictures that a network is tried with, the second where the first is too small.
SIDES = (32, 128)

# How far from the network's true values it may be, beyond what plain PyTorch is in the same precision: on average, and
# anywhere, of values in [-1, 1].
LIMIT, TIMES = 1e-4, 2.0
LIMIT_ANYWHERE, TIMES_ANYWHERE = 2e-3, 3.0
OF_TF32 = 0.25  # of the rounding of bfloat16, at most, is TF32's, in which a card multiplies float32


@dataclass(frozen=True)
class Truth:
    """What a network makes of pictures of noise, and how near to it one may come.

    Attributes:
        given: The pictures, (N, H, W, 3), of 16 bits, which are enough to see any difference that counts.
        made: What it makes of them in float32, (N, 3, H, W), within [-1, 1].
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
        n, channels, height, width = self.made.shape
        made = torch.empty(n, height, width, channels, dtype=self.given.dtype, device=device)
        program(self.given.to(device, copy=True), made)
        mean, most = _apart(as_map(made.to(self.made.device)), self.made)
        if not (mean <= self.mean and most <= self.most):
            raise UnavailableError(
                f"the fused network differs from the plain one by {mean:.1g} on average and {most:.1g} at most"
            )


@torch.inference_mode()
def truth_of(network: nn.Module, device: torch.device, precision: torch.dtype) -> Truth:
    """Try a network where it is, mostly on the CPU, so that a card need not load what only this would want.

    Args:
        network: The network, in evaluation mode.
        device: Where its program will compute.
        precision: In which.

    Raises:
        UnavailableError: If it takes no such pictures.
    """
    here = next((weight.device for weight in network.parameters()), torch.device("cpu"))
    for side in SIDES:
        noise = torch.randint(0, 1 << 16, (2, side, side, 3), generator=torch.Generator().manual_seed(0))
        given = noise.to(torch.uint16)
        x = as_map(given).to(here)
        try:
            with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
                made = network(x.clone()).float().clamp(-1, 1)
            with torch.autocast(here.type, torch.bfloat16):
                rounded = network(x.clone()).clamp(-1, 1)
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


def is_known(network: nn.Module, device: torch.device, precision: torch.dtype) -> bool:
    """Whether a program of these very weights was tried on such a card before, by the same versions of everything."""
    with contextlib.suppress(ImportError, OSError):
        return _mark(network, device, precision).exists()
    return False


def note_known(network: nn.Module, device: torch.device, precision: torch.dtype) -> None:
    """Note that a network's program was tried on a card, recorded and not, and is all that it could be."""
    with contextlib.suppress(ImportError, OSError):
        _mark(network, device, precision).touch()


def _mark(network: nn.Module, device: torch.device, precision: torch.dtype) -> Path:
    weights = hashlib.sha256(repr(network).encode())
    for name, tensor in network.state_dict().items():
        weights.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        weights.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    card = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    version = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
    return mark(device, "tried", card, version, precision, weights.hexdigest())
