"""The U-Net is the authors': their files are recognised, and what it computes is what their network computes."""

from collections.abc import Callable
from pathlib import Path

import imgtrans_pix2pix
import pytest
import torch
from imgtrans_pix2pix.architecture import architecture
from torch import Tensor, nn

from imgtrans.testing import check_architecture, check_checkpoint, check_imports, shapes_of

Norm = Callable[[int], nn.Module]


class Around(nn.Module):
    """Some layers, and beside them what went in."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        # The authors' activations work in place, so what goes around has been through the first of them.
        return torch.cat([nn.functional.leaky_relu(x, 0.2), self.model(x)], dim=1)


class Whole(nn.Module):
    """Some layers, and nothing beside them."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


def down(features_in: int, features_out: int, bias: bool) -> nn.Module:
    return nn.Conv2d(features_in, features_out, kernel_size=(4, 4), stride=(2, 2), padding=(1, 1), bias=bias)


def up(features_in: int, features_out: int, bias: bool) -> nn.Module:
    return nn.ConvTranspose2d(features_in, features_out, kernel_size=(4, 4), stride=(2, 2), padding=(1, 1), bias=bias)


def authors(
    norm: Norm, bias: bool, downs: int = 5, channels: int = 3, channels_out: int = 3, ngf: int = 2, dropout: bool = True
) -> nn.Module:
    """The authors' U-Net, written down from the inside out, with random weights and statistics."""
    torch.manual_seed(0)
    w = 8 * ngf
    level: nn.Module = Around(nn.LeakyReLU(0.2), down(w, w, bias), nn.ReLU(), up(w, w, bias), norm(w))
    for _ in range(downs - 5):
        layers = [nn.LeakyReLU(0.2), down(w, w, bias), norm(w), level, nn.ReLU(), up(2 * w, w, bias), norm(w)]
        level = Around(*layers, *([nn.Dropout(0.5)] if dropout else []))
    while w > ngf:
        outer = w // 2
        layers = [nn.LeakyReLU(0.2), down(outer, w, bias), norm(w), level]
        level = Around(*layers, nn.ReLU(), up(2 * w, outer, bias), norm(outer))
        w = outer
    last = up(2 * ngf, channels_out, bias=True)
    network = Whole(Whole(down(channels, ngf, bias), level, nn.ReLU(), last, nn.Tanh()).model)
    network.model = Whole(*network.model[0])
    for name, tensor in network.state_dict().items():
        if "running_var" in name:
            tensor.uniform_(0.5, 2.0)
        elif tensor.is_floating_point():
            tensor.normal_(0.0, 0.5)
    return network


def batch(features: int) -> nn.Module:
    return nn.BatchNorm2d(features)


def instance(features: int) -> nn.Module:
    return nn.InstanceNorm2d(features)


def affine_instance(features: int) -> nn.Module:
    return nn.InstanceNorm2d(features, affine=True)


class OldInstance(nn.InstanceNorm2d):
    """Instance normalisation that keeps statistics and does not go by them, as in files of 2017."""

    def __init__(self, features: int) -> None:
        super().__init__(features, track_running_stats=True)
        del self.num_batches_tracked

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.instance_norm(x)


def nothing(_: int) -> nn.Module:
    return nn.Identity()


def test_it_keeps_the_contract():
    check_architecture(architecture)


def test_it_imports_the_public_api_alone():
    check_imports(Path(imgtrans_pix2pix.__file__).parent)


@pytest.mark.parametrize("downs", [5, 6, 7, 8])
@pytest.mark.parametrize(
    ("norm", "bias", "read"),
    [
        (batch, False, {"norm": "batch", "affine": True, "tracked": True}),
        (batch, True, {"norm": "batch", "affine": True, "tracked": True}),
        (instance, True, {"norm": "instance", "affine": False, "tracked": False}),
        (affine_instance, True, {"norm": "instance", "affine": True, "tracked": False}),
        (OldInstance, True, {"norm": "instance", "affine": False, "tracked": True}),
        (nothing, False, {"norm": "none", "affine": False, "tracked": False}),
    ],
    ids=["batch", "batch with bias", "instance", "affine instance", "instance of 2017", "none"],
)
def test_the_authors_network_is_recognised_and_computes_the_same(norm: Norm, bias: bool, read: dict, downs: int):
    recognition = check_checkpoint(architecture, authors(norm, bias, downs))
    expected = {"channels": 3, "channels_out": 3, "ngf": 2, "downs": downs, "bias": bias, **read}
    assert recognition.parameters == expected
    assert recognition.assumed == {"norm": read["norm"], "value_range": [-1.0, 1.0], "channel_order": "RGB"}


@pytest.mark.parametrize("downs", [9, 10])
def test_deeper_ones_than_the_authors_are_recognised(downs: int):
    with torch.device("meta"):
        recognition = architecture.recognise(shapes_of(authors(batch, False, downs, ngf=1)))
    assert recognition is not None
    assert recognition.parameters["downs"] == downs


@pytest.mark.parametrize("downs", [4, 11])
def test_depths_that_nobody_trains_are_not(downs: int):
    with torch.device("meta"):
        shapes = shapes_of(authors(batch, False, max(downs, 5), ngf=1))
    deepest = "model.model.1.model.3.model.3.model.3.model."
    if downs == 4:
        shapes = {name: shape for name, shape in shapes.items() if not name.startswith(deepest)}
    assert architecture.recognise(shapes) is None


def test_channels_and_width_are_read_off_the_shapes():
    recognition = check_checkpoint(architecture, authors(batch, False, channels=1, channels_out=2, ngf=3))
    told = recognition.parameters
    assert (told["channels"], told["channels_out"], told["ngf"]) == (1, 2, 3)


def test_dropout_changes_neither_names_nor_outputs():
    with_dropout, without = authors(batch, False, 7), authors(batch, False, 7, dropout=False)
    assert shapes_of(with_dropout) == shapes_of(without)
    assert check_checkpoint(architecture, with_dropout) == check_checkpoint(architecture, without)


def test_the_public_unet_256_has_54_413_955_parameters():
    parameters = {**architecture.examples()[0], "ngf": 64, "downs": 8}
    with torch.device("meta"):
        assert sum(p.numel() for p in architecture.build(parameters).parameters()) == 54_413_955


def test_batch_normalisation_can_go_by_each_pictures_own_statistics_as_pix2pix_tests():
    theirs = authors(batch, False)
    for module in theirs.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.forward = lambda x, m=module: nn.functional.instance_norm(x, weight=m.weight, bias=m.bias)
    check_checkpoint(architecture, theirs, norm="instance")
    with pytest.raises(AssertionError, match="the outputs differ"):
        check_checkpoint(architecture, theirs)


def test_counts_of_batches_may_be_there_or_not():
    shapes = shapes_of(authors(batch, False))
    counts = {name for name in shapes if name.endswith("num_batches_tracked")}
    assert counts
    recognition = architecture.recognise(shapes)
    assert recognition is not None
    assert not counts & {*recognition.keys.values()}
    assert architecture.recognise({name: shapes[name] for name in shapes.keys() - counts}) == recognition


def test_weights_of_something_more_are_not_taken_for_a_unet():
    shapes = shapes_of(authors(batch, False))
    assert architecture.recognise({**shapes, "head.weight": (3, 3, 1, 1)}) is None


@pytest.mark.parametrize(("downs", "side"), [(7, 128), (8, 256)])
def test_sides_are_multiples_of_what_all_halvings_make_one_pixel(downs: int, side: int):
    parameters = {**architecture.examples()[0], "downs": downs}
    assert architecture.multiple(parameters) == architecture.smallest(parameters) == side


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"downs": 4}, "downs is 4, which is no whole number from 5 to 10"),
        ({"ngf": True}, "ngf is True, which is no whole number from 1 to 256"),
        ({"affine": 1}, "affine is 1, which is neither true nor false"),
        ({"norm": "group"}, "norm is 'group', which is none of batch, instance, none"),
        ({"tracked": False}, "norm is 'batch', which goes by running statistics"),
        ({"dropout": 0.5}, "dropout is no parameter of a U-Net"),
    ],
)
def test_a_card_with_odd_parameters_is_told_what_is_wrong(change: dict, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        architecture.build({**architecture.examples()[0], **change})
