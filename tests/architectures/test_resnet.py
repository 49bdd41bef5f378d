"""The generator is the deck's where the deck is right, and right where it is wrong."""

import inspect

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from imgtrans.architectures.resnet import GeneratorResNet, ResidualBlock, weights_init_normal

DECK_KEYS = [
    f"model.{layer}.{kind}"
    for layer in (1, 4, 7, *(f"{block}.block.{conv}" for block in range(10, 19) for conv in (1, 5)), 20, 24, 28)
    for kind in ("weight", "bias")
]


class DecksBlock(nn.Module):
    """The deck's residual block, written down once more."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.ReflectionPad2d(1), nn.Conv2d(features, features, 3), nn.InstanceNorm2d(features), nn.ReLU(),
            nn.ReflectionPad2d(1), nn.Conv2d(features, features, 3), nn.InstanceNorm2d(features),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block(x)


class DecksGenerator(nn.Module):
    """The deck's generator of 9 blocks for RGB, written down layer by layer."""

    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Sequential(
            nn.ReflectionPad2d(3), nn.Conv2d(3, 64, 7), nn.InstanceNorm2d(64), nn.ReLU(),
            nn.Conv2d(64, 128, 3, stride=2, padding=1), nn.InstanceNorm2d(128), nn.ReLU(),
            nn.Conv2d(128, 256, 3, stride=2, padding=1), nn.InstanceNorm2d(256), nn.ReLU(),
            DecksBlock(256), DecksBlock(256), DecksBlock(256), DecksBlock(256), DecksBlock(256),
            DecksBlock(256), DecksBlock(256), DecksBlock(256), DecksBlock(256),
            nn.Upsample(scale_factor=2), nn.Conv2d(256, 128, 3, padding=1), nn.InstanceNorm2d(128), nn.ReLU(),
            nn.Upsample(scale_factor=2), nn.Conv2d(128, 64, 3, padding=1), nn.InstanceNorm2d(64), nn.ReLU(),
            nn.ReflectionPad2d(3), nn.Conv2d(64, 3, 7), nn.Tanh(),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


def tiny(channels: int = 3, blocks: int = 1, **settings: object) -> GeneratorResNet:
    generator = GeneratorResNet((channels, 32, 32), blocks, **{"ngf": 4, **settings})
    return generator.apply(weights_init_normal).eval()


def outputs_of(network: nn.Module, picture: Tensor) -> Tensor:
    with torch.no_grad():
        return network(picture)


# -- the contract with the deck's checkpoints


def test_state_dict_keys_are_the_decks():
    assert list(GeneratorResNet((3, 256, 256), 9).state_dict()) == DECK_KEYS


def test_a_checkpoint_of_the_decks_code_loads_strictly_and_computes_the_same():
    decks, ours = DecksGenerator(), GeneratorResNet((3, 32, 32), 9)
    decks.apply(weights_init_normal)
    ours.load_state_dict(decks.state_dict(), strict=True)
    picture = torch.rand(1, 3, 32, 32) * 2 - 1
    assert torch.equal(outputs_of(ours, picture), outputs_of(decks, picture))


def test_the_papers_generator_has_11_378_179_parameters():
    assert sum(p.numel() for p in GeneratorResNet((3, 256, 256), 9).parameters()) == 11_378_179


def test_input_shape_and_blocks_are_the_decks_only_positional_parameters():
    parameters = inspect.signature(GeneratorResNet).parameters
    assert [p.name for p in parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD] == [
        "input_shape",
        "num_residual_blocks",
    ]


# -- known faults of the deck


@pytest.mark.parametrize("network", [ResidualBlock, GeneratorResNet])
def test_forward_is_a_method_and_no_function_inside_the_constructor(network: type[nn.Module]):
    assert network.forward is not nn.Module.forward


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_any_number_of_channels_keeps_the_size(channels: int):
    assert outputs_of(tiny(channels), torch.zeros(1, channels, 32, 40)).shape == (1, channels, 32, 40)


@pytest.mark.parametrize("side", [5, 7, 8, 9, 30, 31, 32, 33])
def test_a_side_comes_out_rounded_up_to_a_multiple_of_4(side: int):
    rounded = -(-side // 4) * 4
    assert outputs_of(tiny(), torch.rand(1, 3, side, 32)).shape == (1, 3, rounded, 32)
    assert outputs_of(tiny(), torch.rand(1, 3, 32, side)).shape == (1, 3, 32, rounded)


def test_the_rounding_of_sides_is_documented():
    assert "rounded up to a multiple of 4" in " ".join(inspect.getdoc(GeneratorResNet).split())


def test_a_side_below_5_fails():
    with pytest.raises((RuntimeError, ValueError)):
        outputs_of(tiny(), torch.rand(1, 3, 4, 4))


def test_biases_before_instance_normalisation_are_in_the_state_dict_and_do_nothing():
    generator, picture = tiny(), torch.rand(1, 3, 32, 32)
    before = outputs_of(generator, picture)
    convolutions = [(name, m) for name, m in generator.named_modules() if isinstance(m, nn.Conv2d)]
    for name, convolution in convolutions[:-1]:  # the last stands before Tanh
        assert f"{name}.bias" in generator.state_dict()
        nn.init.uniform_(convolution.bias, -1, 1)
    torch.testing.assert_close(outputs_of(generator, picture), before, rtol=0, atol=1e-4)


def test_the_last_bias_does_something():
    generator, picture = tiny(), torch.rand(1, 3, 32, 32)
    before = outputs_of(generator, picture)
    nn.init.constant_(generator.model[-2].bias, 1.0)
    assert (outputs_of(generator, picture) - before).abs().max() > 0.1


def test_reflection_mirrors_and_does_not_copy_the_nearest_pixel():
    ramp = np.arange(12, dtype=np.float32).reshape(1, 1, 3, 4)
    padded = ResidualBlock(1).block[0](torch.from_numpy(ramp)).numpy()[0, 0]
    assert np.array_equal(padded, np.pad(ramp[0, 0], 1, mode="reflect"))
    assert not np.array_equal(padded, np.pad(ramp[0, 0], 1, mode="edge"))


def test_a_residual_block_is_two_mirrored_convolutions_added_to_the_input():
    block, x = ResidualBlock(4), torch.randn(2, 4, 6, 7)
    y = x
    for layer in (1, 5):
        y = F.conv2d(F.pad(y, (1, 1, 1, 1), mode="reflect"), block.block[layer].weight)
        y = (y - y.mean((2, 3), keepdim=True)) / (y.var((2, 3), keepdim=True, unbiased=False) + 1e-5).sqrt()
        y = y.clamp(min=0) if layer == 1 else y
    torch.testing.assert_close(outputs_of(block, x), x + y, rtol=1e-4, atol=1e-5)


def test_the_first_and_the_last_padding_of_the_generator_mirror_by_3_pixels():
    ramp = np.arange(30, dtype=np.float32).reshape(1, 1, 5, 6)
    model = tiny(channels=1).model
    for layer in (model[0], model[-3]):
        assert np.array_equal(layer(torch.from_numpy(ramp)).numpy()[0, 0], np.pad(ramp[0, 0], 3, mode="reflect"))


# -- what the generator adds to the deck


@pytest.mark.parametrize("ngf", [1, 4, 10])
def test_ngf_scales_every_width(ngf: int):
    shapes = {name: tuple(t.shape) for name, t in tiny(ngf=ngf).state_dict().items()}
    assert shapes["model.1.weight"] == (ngf, 3, 7, 7)
    assert shapes["model.10.block.1.weight"] == (4 * ngf, 4 * ngf, 3, 3)
    assert shapes["model.20.weight"] == (3, ngf, 7, 7)


def test_transposed_upsampling_is_that_of_the_papers_reference_code():
    generator = tiny(upsampling="transpose")
    ups = [m for m in generator.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert [(up.in_channels, up.out_channels) for up in ups] == [(16, 8), (8, 4)]
    assert not any(isinstance(m, nn.Upsample) for m in generator.modules())
    assert outputs_of(generator, torch.rand(1, 3, 20, 24)).shape == (1, 3, 20, 24)


def test_nearest_upsampling_is_the_default():
    assert [m.mode for m in tiny().modules() if isinstance(m, nn.Upsample)] == ["nearest", "nearest"]


def test_an_unknown_upsampling_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'cubic'.*nearest, .*transpose"):
        GeneratorResNet((3, 32, 32), 1, upsampling="cubic")


def test_values_come_out_between_minus_1_and_1():
    generator = tiny()
    nn.init.normal_(generator.model[-2].weight, 0, 10)
    out = outputs_of(generator, torch.rand(1, 3, 32, 32))
    assert out.abs().max() <= 1
    assert out.abs().max() > 0.9


def test_no_blocks_at_all_is_a_network_too():
    assert outputs_of(tiny(blocks=0), torch.rand(1, 3, 16, 16)).shape == (1, 3, 16, 16)


def test_pictures_of_a_batch_do_not_influence_each_other():
    generator, pictures = tiny(), torch.rand(3, 3, 16, 16)
    alone = torch.cat([outputs_of(generator, picture[None]) for picture in pictures])
    torch.testing.assert_close(outputs_of(generator, pictures), alone, rtol=0, atol=1e-5)


# -- weights_init_normal


@pytest.mark.parametrize("kind", [nn.Conv2d, nn.ConvTranspose2d])
def test_convolutions_start_from_normal_numbers_of_deviation_0_02(kind: type[nn.Module]):
    layer = kind(64, 64, 5)
    weights_init_normal(layer)
    assert layer.weight.mean().abs() < 3e-4
    assert layer.weight.std().item() == pytest.approx(0.02, rel=0.02)
    # A normal distribution, not a uniform one: a third lies outside one deviation, few outside three.
    assert (layer.weight.abs() > 0.02).float().mean().item() == pytest.approx(0.317, abs=0.01)
    assert 0.001 < (layer.weight.abs() > 0.06).float().mean().item() < 0.005
    assert layer.bias.eq(0).all()


def test_batch_normalisation_starts_around_1():
    layer = nn.BatchNorm2d(10_000)
    nn.init.constant_(layer.bias, 5.0)
    weights_init_normal(layer)
    assert layer.weight.mean().item() == pytest.approx(1.0, abs=1e-3)
    assert layer.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert layer.bias.eq(0).all()


def test_initialisation_bears_a_convolution_without_bias_and_leaves_other_layers_alone():
    weights_init_normal(nn.Conv2d(3, 3, 3, bias=False))
    weights_init_normal(nn.InstanceNorm2d(3))
    linear = nn.Linear(4, 4)
    before = linear.weight.clone()
    weights_init_normal(linear)
    assert torch.equal(linear.weight, before)


def test_apply_initialises_every_convolution_of_the_generator():
    generator = GeneratorResNet((3, 32, 32), 1, ngf=16).apply(weights_init_normal)
    for name, tensor in generator.state_dict().items():
        if name.endswith("bias"):
            assert tensor.eq(0).all(), name
        else:
            assert tensor.std().item() == pytest.approx(0.02, rel=0.15), name
