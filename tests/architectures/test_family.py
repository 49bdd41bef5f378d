"""A state dict fills exactly one network, and anything else fills none."""

import pytest
import torch
from torch import nn

from imgtrans.architectures import family, recognition
from imgtrans.architectures.discriminator import Discriminator
from imgtrans.architectures.family import architecture
from imgtrans.architectures.parameters import ResNetParameters
from imgtrans.architectures.resnet import GeneratorResNet, weights_init_normal
from imgtrans.errors import ModelError
from imgtrans.protocols import Recognition
from tests.architectures import foreign

SENSIBLE = {"channels": 3, "ngf": 4, "blocks": 1, "upsampling": "nearest"}


def tiny() -> GeneratorResNet:
    return GeneratorResNet((3, 32, 32), 1, ngf=4).apply(weights_init_normal).eval()


def shapes_of(network: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


@pytest.mark.parametrize("upsampling", ["nearest", "transpose"])
@pytest.mark.parametrize("blocks", [0, 1, 6, 9])
@pytest.mark.parametrize(("channels", "ngf"), [(3, 4), (1, 4), (4, 3), (3, 1)])
def test_settings_are_read_off_the_shapes(channels: int, ngf: int, blocks: int, upsampling: str):
    network = GeneratorResNet((channels, 32, 32), blocks, ngf=ngf, upsampling=upsampling)
    recognition = architecture.recognise(shapes_of(network))
    assert recognition is not None
    assert recognition.parameters == {"channels": channels, "ngf": ngf, "blocks": blocks, "upsampling": upsampling}
    architecture.build(recognition.parameters).load_state_dict(network.state_dict(), strict=True)


def test_other_networks_are_not_recognised():
    assert architecture.recognise({}) is None
    assert architecture.recognise(shapes_of(Discriminator((3, 32, 32)))) is None
    assert architecture.recognise({"model.1.weight": (4, 3, 7)}) is None


@pytest.mark.parametrize("change", ["missing", "extra", "reshaped"])
def test_a_state_dict_that_does_not_fit_exactly_is_not_recognised(change: str):
    shapes = shapes_of(tiny())
    if change == "missing":
        del shapes["model.10.block.5.weight"]
    elif change == "extra":
        shapes["model.3.running_mean"] = (4,)
    else:
        shapes["model.1.bias"] = (5,)
    assert architecture.recognise(shapes) is None


@pytest.mark.parametrize("first", [(10**6, 3, 7, 7), (4, 10**6, 7, 7), (0, 3, 7, 7), (4, 0, 7, 7)])
def test_a_state_dict_that_promises_a_monster_is_refused_before_it_is_built(
    first: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
):
    shapes = shapes_of(tiny())
    monkeypatch.setattr(recognition, "ResNet", lambda parameters: pytest.fail("it was built"))
    assert architecture.recognise({**shapes, "model.1.weight": first}) is None


def test_a_thousand_blocks_are_refused_before_they_are_built():
    shapes = shapes_of(tiny()) | {f"model.{n}.block.1.weight": (16, 16, 3, 3) for n in range(10, 1010)}
    assert architecture.recognise(shapes) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("blocks", 10**9), ("blocks", -1), ("blocks", 1.5), ("blocks", True), ("blocks", None),
        ("ngf", 10**9), ("ngf", 0), ("ngf", -4), ("ngf", "4"),
        ("channels", 10**9), ("channels", 0), ("channels", [3]),
        ("upsampling", "cubic"), ("upsampling", 7), ("upsampling", ["nearest"]),
    ],
)  # fmt: skip
def test_parameters_that_nobody_trains_are_refused_with_a_sentence_before_anything_is_built(
    name: str, value: object, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(family, "GeneratorResNet", lambda *_, **__: pytest.fail("it was built"))
    with pytest.raises(ValueError, match=f"^{name} is "):
        architecture.build({**SENSIBLE, name: value})
    with pytest.raises(ValueError, match=f"^{name} is None"):
        architecture.build({key: SENSIBLE[key] for key in SENSIBLE if key != name})


def test_the_promised_smallest_side_works():
    side = architecture.smallest(SENSIBLE)
    assert tiny()(torch.rand(1, 3, side, side)).shape == (1, 3, side, side)


@pytest.mark.parametrize(("name", "build", "parameters"), [pytest.param(*n, id=n[0]) for n in foreign.networks()])
def test_parameters_survive_a_card_and_build_the_network_that_they_were_read_off(
    name: str, build: object, parameters: dict[str, object]
):
    p = ResNetParameters.parse(parameters)
    assert p.plain() == parameters
    assert ResNetParameters.parse(p.plain()) == p


def test_a_file_that_two_dialects_read_differently_is_refused_by_name(monkeypatch: pytest.MonkeyPatch):
    readings = [Recognition(SENSIBLE, {}, "one"), Recognition({**SENSIBLE, "ngf": 8}, {}, "another")]
    monkeypatch.setattr(family, "recognise_all", lambda shapes: readings)
    with pytest.raises(ModelError, match="of one or of another"):
        architecture.recognise({})
    monkeypatch.setattr(family, "recognise_all", lambda shapes: [readings[0], readings[0]])
    assert architecture.recognise({}) == readings[0]


def test_cards_from_before_padding_layers_could_be_zeros_mean_what_they_meant():
    old = ResNetParameters.parse({**SENSIBLE, "padding": "zero"})
    assert not old.pad_layers
    assert ResNetParameters.parse({**SENSIBLE, "padding": "replicate"}).pad_layers
    imported_since = {**SENSIBLE, "padding": "zero", "activation": "relu"}
    assert ResNetParameters.parse(imported_since).pad_layers
    assert ResNetParameters.parse(ResNetParameters.parse(imported_since).plain()).pad_layers


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"unnormalised": ["stem"], "stem": False}, "unnormalised is 'stem', which this network has not"),
        ({"channels_out": 1, "residual_output": True}, "residual_output adds 1 channels to 3"),
        ({"up_kernel": 1}, "up_kernel is 1"),
        ({"activation": "leaky_relu:nan"}, "activation is 'leaky_relu:nan'"),
    ],
)
def test_what_a_network_cannot_be_is_refused(change: dict[str, object], sentence: str):
    with pytest.raises(ValueError, match=sentence):
        architecture.build({**SENSIBLE, **change})


def test_an_unknown_parameter_is_refused_with_a_sentence():
    with pytest.raises(ValueError, match="colour is no parameter"):
        architecture.build({**SENSIBLE, "colour": "red"})


@pytest.mark.parametrize(
    ("change", "layouts"),
    [
        ({}, {"deck"}),
        ({"upsampling": "transpose"}, {"deck", "junyanz"}),
        ({"upsampling": "blur", "downsampling": "blur"}, {"junyanz"}),
        ({"upsampling": "transpose", "affine": True}, {"deck"}),
        ({"upsampling": "transpose", "down_padding": "reflect"}, set()),
    ],
)
def test_a_network_has_the_layouts_whose_code_can_build_it(change: dict[str, object], layouts: set[str]):
    parameters = SENSIBLE | change
    found = architecture.layouts(parameters)
    assert set(found) == layouts
    own = set(recognition.own_shapes(ResNetParameters.parse(parameters)))
    for keys in found.values():
        assert set(keys) == own
        assert len(set(keys.values())) == len(own)


def test_the_layout_of_junyanz_is_the_one_of_their_code():
    theirs = foreign.junyanz(blocks=1)
    assert set(architecture.layouts({**SENSIBLE, "upsampling": "transpose"})["junyanz"].values()) == {
        *theirs.state_dict()
    }
