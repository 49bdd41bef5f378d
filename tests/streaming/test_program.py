import pytest
import torch
from torch import nn

from imgtrans.streaming.program import Begin, End, Normalisation, Pointwise, program_of
from imgtrans.streaming.steps import Convolution, Padding, Transposed
from tests.streaming.streaming import SMALL, network


def test_the_decks_generator_is_a_line_of_few_operations():
    names = [type(op).__name__ for op in program_of(network(SMALL | {"blocks": 1}))]
    pair = ["Convolution", "Normalisation"]
    up = ["Transposed", "Normalisation"]  # nearest enlargement and convolution are one
    assert names == [*pair * 3, "Begin", *pair * 2, "End", *up * 2, "Convolution", "Pointwise"]


def test_padding_becomes_the_convolutions_own():
    padded = program_of(nn.Sequential(nn.ReflectionPad2d((1, 2, 3, 4)), nn.Conv2d(1, 1, 3)))
    assert [type(op) for op in padded] == [Convolution]
    assert padded[0].padding == Padding("reflect", 1, 2, 3, 4)


def test_padding_twice_stays_two_operations():
    assert len(program_of(nn.Sequential(nn.ReflectionPad2d(1), nn.Conv2d(1, 1, 3, padding=1)))) == 2


def test_doubling_and_a_convolution_are_one_transposed_convolution():
    layers = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(3, 5, 3, padding=1)).double()
    folded = program_of(layers)
    assert [type(op) for op in folded] == [Transposed]
    x = torch.rand(1, 3, 6, 5, dtype=torch.float64)
    by_it = nn.functional.conv_transpose2d(x, folded[0].weight, folded[0].bias, stride=2, padding=1)
    assert torch.allclose(by_it, layers(x))


@pytest.mark.parametrize("mode", ["reflect", "replicate"])
def test_doubling_stays_where_the_edge_is_not_zero(mode):
    layers = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(1, 1, 3, padding=1, padding_mode=mode))
    assert len(program_of(layers)) == 2


def test_a_relu_behind_a_normalisation_is_part_of_it():
    (norm,) = program_of(nn.Sequential(nn.InstanceNorm2d(3), nn.ReLU()))
    assert isinstance(norm, Normalisation)
    assert norm.relu


def test_running_statistics_are_pointwise():
    (op,) = program_of(nn.Sequential(nn.InstanceNorm2d(3, track_running_stats=True)).eval())
    assert isinstance(op, Pointwise)


def test_in_place_functions_get_a_map_of_their_own():
    layer = nn.LeakyReLU(0.2, inplace=True)
    (op,) = program_of(nn.Sequential(layer))
    x = torch.tensor([-1.0])
    op.function(x)
    assert x == -1.0
    assert layer.inplace


def test_blocks_begin_and_end():
    ops = program_of(network(SMALL | {"block_relu": True}))
    assert sum(isinstance(op, Begin) for op in ops) == 2
    assert [op.relu for op in ops if isinstance(op, End)] == [True, True]


@pytest.mark.parametrize(
    "layer",
    [
        nn.GroupNorm(1, 3),
        nn.AdaptiveAvgPool2d(1),
        nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True),
        nn.Upsample(scale_factor=3, mode="bilinear"),
        nn.Conv2d(3, 3, 3, padding="same"),
        nn.Conv2d(3, 3, 3, padding=1, padding_mode="circular"),
        nn.ConvTranspose2d(3, 3, 1, stride=2),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_what_is_unknown_is_refused_in_a_sentence(layer):
    with pytest.raises(ValueError, match="cannot be streamed"):
        program_of(nn.Sequential(nn.Conv2d(3, 3, 3), layer))
