"""The discriminator is the deck's, and says so where it cannot work."""

import inspect

import pytest
import torch
from torch import Tensor, nn

from imgtrans.architectures.discriminator import Discriminator
from imgtrans.architectures.resnet import weights_init_normal


class DecksDiscriminator(nn.Module):
    """The deck's discriminator for RGB, written down layer by layer."""

    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Sequential(
            nn.Conv2d(3, 64, 4, stride=2, padding=1), nn.LeakyReLU(0.2),
            nn.Conv2d(64, 128, 4, stride=2, padding=1), nn.InstanceNorm2d(128), nn.LeakyReLU(0.2),
            nn.Conv2d(128, 256, 4, stride=2, padding=1), nn.InstanceNorm2d(256), nn.LeakyReLU(0.2),
            nn.Conv2d(256, 512, 4, stride=2, padding=1), nn.InstanceNorm2d(512), nn.LeakyReLU(0.2),
            nn.ZeroPad2d((1, 0, 1, 0)), nn.Conv2d(512, 1, 4, padding=1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


@pytest.fixture(scope="module")
def discriminator() -> Discriminator:
    torch.manual_seed(0)
    return Discriminator((3, 32, 32)).apply(weights_init_normal)


@torch.no_grad()
def scores_of(network: nn.Module, pictures: Tensor) -> Tensor:
    return network(pictures)


def test_state_dict_keys_are_the_decks(discriminator: Discriminator):
    assert list(discriminator.state_dict()) == [
        f"model.{layer}.{kind}" for layer in (0, 2, 5, 8, 12) for kind in ("weight", "bias")
    ]


def test_a_checkpoint_of_the_decks_code_loads_strictly_and_computes_the_same():
    decks, ours = DecksDiscriminator(), Discriminator((3, 48, 64))
    ours.load_state_dict(decks.state_dict(), strict=True)
    pictures = torch.rand(2, 3, 48, 64) * 2 - 1
    assert torch.equal(scores_of(ours, pictures), scores_of(decks, pictures))


def test_it_has_2_764_737_parameters(discriminator: Discriminator):
    assert sum(p.numel() for p in discriminator.parameters()) == 2_764_737


def test_forward_is_a_method_and_no_function_inside_the_constructor():
    assert inspect.isfunction(vars(Discriminator).get("forward"))


@pytest.mark.parametrize(("height", "width"), [(32, 32), (33, 47), (47, 33), (48, 63), (64, 32), (100, 130), (143, 50)])
def test_output_shape_is_the_shape_that_comes_out(discriminator: Discriminator, height: int, width: int):
    with torch.device("meta"):
        promised = Discriminator((3, height, width)).output_shape
    assert scores_of(discriminator, torch.rand(2, 3, height, width)).shape == (2, *promised)
    assert promised == (1, height // 16, width // 16)


def test_output_shape_is_true_from_32_pixels_up():
    with torch.device("meta"):
        for side in (*range(32, 50), 63, 64, 65, 255, 256, 257):
            network = Discriminator((3, side, 32))
            assert network(torch.empty(1, 3, side, 32)).shape == (1, *network.output_shape)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (31, 31), (31, 256), (256, 31), (1, 1)])
def test_below_32_pixels_it_is_refused_with_a_sentence(height: int, width: int):
    with pytest.raises(ValueError, match=f"at least 32x32 pixels, not {width}x{height}"):
        Discriminator((3, height, width))


def test_below_32_pixels_it_would_not_work_at_all(discriminator: Discriminator):
    with pytest.raises(ValueError, match="more than 1 spatial element"):
        discriminator.train()(torch.rand(1, 3, 31, 31))


def test_scores_are_raw_and_neither_binarised_nor_squashed():
    network = Discriminator((3, 32, 32)).apply(weights_init_normal)
    pictures = torch.rand(4, 3, 32, 32)
    assert scores_of(network, pictures).unique().numel() > 2
    for bias in (5.0, -5.0):
        nn.init.constant_(network.model[-1].bias, bias)
        torch.testing.assert_close(scores_of(network, pictures).mean().item(), bias, rtol=0, atol=2.0)


def test_biases_before_instance_normalisation_are_in_the_state_dict_and_do_nothing():
    network = Discriminator((3, 32, 32)).apply(weights_init_normal)
    pictures = torch.rand(1, 3, 32, 32)
    before = scores_of(network, pictures)
    for layer in (2, 5, 8):
        assert f"model.{layer}.bias" in network.state_dict()
        nn.init.uniform_(network.model[layer].bias, -1, 1)
    torch.testing.assert_close(scores_of(network, pictures), before, rtol=0, atol=1e-4)


def test_the_first_layer_is_not_normalised():
    network = Discriminator((3, 32, 32)).apply(weights_init_normal)
    kinds = [type(layer).__name__ for layer in network.model]
    assert kinds[:3] == ["Conv2d", "LeakyReLU", "Conv2d"]
    assert kinds.count("InstanceNorm2d") == 3


@pytest.mark.parametrize("channels", [1, 3, 4, 64])
def test_any_number_of_channels_will_do(channels: int):
    with torch.device("meta"):
        network = Discriminator((channels, 32, 32))
        assert [type(layer).__name__ for layer in network.model].count("InstanceNorm2d") == 3
        assert network(torch.empty(1, channels, 32, 32)).shape == (1, 1, 2, 2)


def test_a_score_sees_a_patch_of_94_pixels_and_no_more():
    # Normalisation spreads every pixel over the whole map, so the patch is measured without it.
    network = Discriminator((3, 160, 160)).apply(weights_init_normal)
    for layer, module in enumerate(network.model):
        if isinstance(module, nn.InstanceNorm2d):
            network.model[layer] = nn.Identity()
    picture = torch.rand(1, 3, 160, 160, requires_grad=True)
    network(picture)[0, 0, 5, 5].backward()
    rows = picture.grad.abs().sum((0, 1, 3)).nonzero()
    assert rows.max() - rows.min() + 1 == 94
