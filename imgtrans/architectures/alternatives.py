"""What of a ResNet generator leaves no trace in a file, and what else than the assumed may be true of it."""

from collections.abc import Collection
from typing import Any

from imgtrans.architectures.parameters import RESIZINGS, ResNetParameters
from imgtrans.protocols import Parameters

# What people build under keys that others use, too; the likeliest first. Those that a file leaves open are tried.
_VARIANTS: tuple[Parameters, ...] = (
    {"unnormalised": ["stem"]},
    {"unnormalised": []},
    {"norm": "instance"},
    {"norm": "none"},
    {"statistics": "own"},
    {"statistics": "running"},
    {"upsampling": "bilinear"},
    {"upsampling": "nearest"},
    {"activation": "leaky_relu:0.2"},
    {"activation": "relu"},
    {"activation": "gelu"},
    {"residual_output": True},
    {"head": "sigmoid", "value_range": [0.0, 1.0]},
    {"head": "sigmoid", "output_range": [0.0, 1.0]},
    {"head": "tanh", "value_range": [-1.0, 1.0]},
    {"head": "none"},
    {"value_range": [0.0, 1.0]},
    {"unactivated": ["stem"]},
    {"block_relu": True},
    {"block_relu": False},
    {"channel_order": "BGR"},
)


def open_parameters(p: ResNetParameters, fixed: Collection[str]) -> dict[str, Any]:
    """Return those parameters that a state dict of this network does not show, with their values.

    Args:
        p: The network.
        fixed: Names of parameters that the spelling of the keys shows.
    """
    traceless = p.norm in ("instance", "none") and not p.affine and not p.tracked
    there = {
        "norm": traceless,
        "unnormalised": traceless and p.norm == "instance",
        "statistics": p.tracked or p.norm == "batch",
        "activation": True,
        "unactivated": True,
        "head": True,
        "residual_output": p.channels_out in (0, p.channels),
        "upsampling": p.upsampling in RESIZINGS,
        "up_padding": p.upsampling != "transpose",
        "padding": p.blocks > 0,
        "block_relu": p.blocks > 0,
        "down_padding": True,
        "end_padding": p.stem,
    }
    values = p.plain()
    defaults = vars(ResNetParameters(p.channels, p.ngf, p.blocks, p.upsampling))
    found = {name: values.get(name, defaults[name]) for name, is_there in there.items() if is_there}
    return {name: [*value] if isinstance(value, tuple) else value for name, value in found.items() if name not in fixed}


def alternatives(p: ResNetParameters, assumed: Parameters) -> tuple[Parameters, ...]:
    """Return what else may be true than what is assumed; see :class:`imgtrans.protocols.Recognition`."""
    found = []
    for variant in _VARIANTS:
        known = variant.keys() <= assumed.keys()
        if known and any(assumed[name] != value for name, value in variant.items()) and _can_be(p, variant):
            found.append(variant)
    return tuple(found)


def _can_be(p: ResNetParameters, variant: Parameters) -> bool:
    try:
        ResNetParameters.parse({**p.plain(), **{name: variant[name] for name in variant.keys() & vars(p).keys()}})
    except ValueError:
        return False
    return True
