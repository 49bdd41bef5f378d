"""What keeps a state dict that is no known ResNet generator's from being one: the closest, and the differences."""

from collections.abc import Iterator, Mapping

from imgtrans.architectures.dialects import DIALECTS
from imgtrans.architectures.parameters import ResNetParameters
from imgtrans.architectures.recognition import Shape, frames, split
from imgtrans.architectures.spelling import Spelling
from imgtrans.protocols import Parameters

_LEAST_SHARE = 0.75  # of the kernels that both have, for a network to be called close
_MOST_NAMED = 3


def near_miss(shapes: Mapping[str, Shape]) -> str:
    """Return ``it fits X but for ...`` of the closest known network, or "" if none is close."""
    kernels = {split(key)[0] for key, shape in shapes.items() if len(shape) == 4 and split(key)[1] != "filt"}
    if not kernels:
        return ""
    best, whose = 0.0, ""
    closest: set[str] = set()
    names: set[str] = set()
    for dialect, structure in _structures(len(kernels)):
        layers = list(dialect.layers(ResNetParameters(channels=1, ngf=1, **structure)))
        theirs = {name for slot, name in layers if slot.part in ("convolution", "depthwise")}
        share = len(kernels & theirs) / len(kernels | theirs)
        if share > best:
            best, whose, closest, names = share, dialect.name, theirs, {name for _, name in layers}
    if best < _LEAST_SHARE:
        return ""
    odd = [
        *(f"{name} left over" for name in _named(key for key in shapes if split(key)[0] not in names)),
        *(f"{name} missing" for name in _named(f"{layer}.weight" for layer in sorted(closest - kernels))),
    ]
    return (
        f"it fits {whose} but for: {', '.join(odd)}"
        if odd
        else f"its layers are called as those of {whose}, but do not fit together"
    )


def _structures(kernels: int) -> Iterator[tuple[Spelling, Parameters]]:
    """Yield what decides the names of the layers of every network that has about so many kernels."""
    every = ((dialect, frame) for dialect in DIALECTS for frame in frames(dialect, range(1, 4)))
    for dialect, (structure, ends, in_block) in every:
        about = max(0, (kernels - ends) // in_block)
        for blocks in range(max(0, about - 1), about + 3):
            yield dialect, structure | {"blocks": blocks}


def _named(names: Iterator[str]) -> list[str]:
    found = [*names]
    more = len(found) - _MOST_NAMED
    return found[:_MOST_NAMED] + ([f"{more} more"] if more > 0 else [])
