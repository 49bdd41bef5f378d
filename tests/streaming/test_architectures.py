"""Whatever is registered: a picture is streamed with the result that it has whole, or refused in a sentence."""

from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from torch import nn

from imgtrans.architectures.parameters import (
    DOWNSAMPLINGS,
    HEADS,
    NORMS,
    PADDINGS,
    PLACES,
    UPSAMPLINGS,
    ResNetParameters,
)
from imgtrans.protocols import Architecture, Parameters
from imgtrans.registry import implementation, registered
from imgtrans.streaming.program import program_of
from imgtrans.streaming.streamer import Streamer
from tests.streaming.streaming import SMALL, least, network, streamed, whole

LIMIT = 1e-4
GROUP = "imgtrans.architectures"
EXAMPLES = [
    (one.name, parameters)
    for one in registered(GROUP)
    if not one.left_out
    for parameters in implementation(GROUP, one.name).examples()
]

# Besides what the examples have: every value of every parameter that changes what is computed.
VARIANTS: list[Parameters] = [
    *({"upsampling": upsampling} for upsampling in UPSAMPLINGS if upsampling != "bilinear_aligned"),
    *({"downsampling": downsampling} for downsampling in DOWNSAMPLINGS),
    *({"norm": norm} for norm in NORMS),
    *({"padding": padding} for padding in PADDINGS),
    *({"unnormalised": [place]} for place in PLACES),
    *({"unbiased": [place]} for place in PLACES),
    *({"depth": depth} for depth in (1, 3)),
    *({"blocks": blocks} for blocks in (0, 3)),
    {"affine": True},
    {"tracked": True},
    {"tracked": True, "statistics": "own"},
    {"norm": "batch", "statistics": "own"},
    *({place: padding} for place in ("down_padding", "up_padding", "end_padding") for padding in PADDINGS),
    *({"padding": padding, "pad_layers": layers} for padding in PADDINGS for layers in (True, False)),
    *({"activation": activation} for activation in ("leaky_relu:0.2", "elu", "gelu", "silu")),
    {"activation": "gelu", "block_relu": True},
    *({"unactivated": [place]} for place in PLACES),
    *({"head": head, "residual_output": residual} for head in HEADS for residual in (False, True)),
    {"block_convs": 1},
    {"block_relu": True},
    {"separable": True},
    {"stem": False},
    {"kernel": 4, "upsampling": "transpose"},
    *({"up_kernel": kernel, "upsampling": "transpose"} for kernel in (2, 4)),
    {"channels": 1, "channels_out": 3},
    {"widths": [3, 5, 7, 6, 2], "block_widths": [4, 9]},
]


def largest_difference(net: nn.Module, channels: int, height: int, width: int, scratch: Path) -> float:
    torch.manual_seed(1)
    x = torch.rand(1, channels, height, width) * 2 - 1
    streamer = Streamer(net)
    plan = streamer.plan(height, width, least(streamer, height, width, channels), channels=channels)
    assert min(part.strip for part in plan.passes) < height
    return float((streamed(streamer, x, plan, scratch) - whole(net, x)).abs().max())


@pytest.mark.parametrize(("name", "parameters"), EXAMPLES, ids=lambda value: "" if isinstance(value, dict) else value)
def test_what_is_registered_is_streamed_exactly_or_not_at_all(name: str, parameters: Parameters, tmp_path: Path):
    architecture: Architecture = implementation(GROUP, name)
    net = network(parameters, made_by=architecture)
    try:
        program_of(net)
    except ValueError as error:
        assert name != "resnet"
        assert "cannot be streamed" in str(error)
        return
    side = architecture.smallest(parameters)
    channels = parameters.get("channels", 3)
    assert largest_difference(net, channels, 3 * side, 2 * side, tmp_path) < LIMIT


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_every_parameter_of_a_resnet_is_streamed_exactly(variant: Parameters, tmp_path: Path):
    parameters = SMALL | variant
    assert largest_difference(network(parameters), parameters["channels"], 48, 32, tmp_path) < LIMIT


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=st.lists(st.sampled_from(VARIANTS), min_size=2, max_size=6))
def test_so_is_every_combination_of_them(chosen: list[Parameters], tmp_path: Path):
    parameters: Parameters = dict(SMALL)
    for variant in chosen:
        parameters |= variant
    if "widths" in parameters:
        parameters |= {"depth": 2, "stem": True, "blocks": 2}
    try:
        ResNetParameters.parse(parameters)
    except ValueError:
        reject()  # such a network there is not
    assert largest_difference(network(parameters), parameters["channels"], 48, 32, tmp_path) < LIMIT


def test_an_enlargement_that_hangs_on_the_whole_picture_is_refused():
    with pytest.raises(ValueError, match="cannot be streamed"):
        program_of(network(SMALL | {"upsampling": "bilinear_aligned"}))


def test_dropout_does_nothing(tmp_path: Path):
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.InstanceNorm2d(4), nn.ReLU(), nn.Dropout(0.5), nn.Conv2d(4, 3, 1)
    )
    assert largest_difference(net.eval(), 3, 40, 16, tmp_path) < LIMIT
