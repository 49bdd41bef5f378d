"""Which network a file holds, what is assumed of it, and a sentence where there is none."""

from pathlib import Path
from typing import Any

import pytest
import torch

from imgtrans.architectures.discriminator import Discriminator
from imgtrans.architectures.family import architecture
from imgtrans.architectures.resnet import GeneratorResNet
from imgtrans.errors import ModelError, UsageError
from imgtrans.isolation.architecture import GuardedArchitecture
from imgtrans.isolation.blame import Part
from imgtrans.registry import PluginWarning
from imgtrans.zoo import recognising
from imgtrans.zoo.loading import find_model, load_network
from imgtrans.zoo.recognising import recognise

PARAMETERS = {"channels": 3, "ngf": 4, "blocks": 1, "upsampling": "nearest"}


def saved(content: Any, folder: Path) -> Path:
    torch.save(content, folder / "net.pth")
    return folder / "net.pth"


def discriminator() -> dict[str, torch.Tensor]:
    return Discriminator((3, 32, 32)).state_dict()


def test_the_only_network_of_a_file_needs_no_name(tiny_network: GeneratorResNet, tmp_path: Path):
    found = recognise(saved({"state_dict": tiny_network.state_dict(), "epoch": 3}, tmp_path))
    assert (found.network, found.architecture, found.recognition.parameters) == (None, "resnet", PARAMETERS)


def test_the_only_generator_of_a_file_is_found_among_its_discriminators(tiny_network: GeneratorResNet, tmp_path: Path):
    content = {"G": tiny_network.state_dict(), "D": discriminator(), "epoch": 7}
    path = saved(content, tmp_path)
    assert recognise(path).network == "G"
    rebuilt = load_network(find_model(str(path)))
    assert torch.equal(rebuilt.state_dict()["model.1.weight"], tiny_network.state_dict()["model.1.weight"])


def test_of_several_generators_one_must_be_named(tiny_network: GeneratorResNet, tmp_path: Path):
    other = GeneratorResNet((3, 0, 0), 2, ngf=2)
    path = saved({"G_AB": tiny_network.state_dict(), "G_BA": other.state_dict(), "D_A": discriminator()}, tmp_path)
    with pytest.raises(ModelError, match=r"several networks: G_AB, G_BA, D_A \(a discriminator") as refusal:
        recognise(path)
    assert "--network G_AB" in refusal.value.hint
    assert recognise(path, "G_BA").recognition.parameters["blocks"] == 2
    with pytest.raises(ModelError, match="no network called 'G'") as refusal:
        recognise(path, "G")
    assert "G_AB, G_BA, D_A" in refusal.value.hint
    with pytest.raises(ModelError, match="looks like a discriminator"):
        recognise(path, "D_A")


def test_discriminators_alone_are_told_from_generators(tmp_path: Path):
    with pytest.raises(ModelError, match="looks like a discriminator, which judges pictures and makes none"):
        recognise(saved(discriminator(), tmp_path))
    with pytest.raises(ModelError, match="looks like discriminators only"):
        recognise(saved({"D_A": discriminator(), "D_B": discriminator()}, tmp_path))


def test_an_unknown_network_is_named_by_its_first_keys(tmp_path: Path):
    with pytest.raises(ModelError, match=r"an unknown network \(fc.weight 2x3, fc.bias 2, ...\)"):
        recognise(
            saved(
                torch.nn.Sequential().state_dict() | {"fc.weight": torch.ones(2, 3), "fc.bias": torch.ones(2)}, tmp_path
            )
        )


def test_a_checkpoint_that_two_architectures_know_names_both(
    monkeypatch: pytest.MonkeyPatch, tiny_network: GeneratorResNet, tmp_path: Path
):
    monkeypatch.setattr(recognising, "architectures", lambda: {"resnet": architecture, "twin": architecture})
    with pytest.raises(ModelError, match="could be more than one network: resnet, twin"):
        recognise(saved(tiny_network.state_dict(), tmp_path))


def test_weights_that_are_no_numbers_are_refused(tiny_network: GeneratorResNet, tmp_path: Path):
    weights = {name: tensor.clone() for name, tensor in tiny_network.state_dict().items()}
    weights["model.4.bias"][0] = float("nan")
    with pytest.raises(ModelError, match=r"not finite \(in model.4.bias\)"):
        recognise(saved(weights, tmp_path))


def test_other_assumptions_can_be_made_where_the_file_leaves_it_open(tiny_network: GeneratorResNet, tmp_path: Path):
    found = recognise(saved(tiny_network.state_dict(), tmp_path))
    assert (found.value_range, found.channel_order, found.parameters["padding"]) == ((-1.0, 1.0), "RGB", "reflect")
    other = found.assuming({"padding": "replicate", "value_range": "0, 255", "channel_order": "bgr"})
    assert (other.value_range, other.channel_order) == ((0.0, 255.0), "BGR")
    assert other.parameters == {**found.parameters, "padding": "replicate"}


@pytest.mark.parametrize(
    ("given", "ranges"),
    [
        ({"head": "sigmoid"}, ([0.0, 1.0], [])),
        ({"head": "sigmoid", "output_range": "0,1"}, ([-1.0, 1.0], [0.0, 1.0])),
        ({"head": "sigmoid", "value_range": "0,255"}, ([0.0, 255.0], [])),
        ({"head": "none"}, ([-1.0, 1.0], [])),
        ({"output_range": "none"}, ([-1.0, 1.0], [])),
    ],
)
def test_a_sigmoid_brings_its_range_with_it_unless_another_is_said(
    given: dict[str, str], ranges: tuple[list[float], list[float]], tiny_network: GeneratorResNet, tmp_path: Path
):
    assumed = recognise(saved(tiny_network.state_dict(), tmp_path)).assuming(given).recognition.assumed
    assert (assumed["value_range"], assumed["output_range"]) == ranges


def test_places_and_truths_are_said_in_words(tiny_network: GeneratorResNet, tmp_path: Path):
    given = {"unnormalised": "stem, down", "residual_output": "yes", "unactivated": "none"}
    parameters = recognise(saved(tiny_network.state_dict(), tmp_path)).assuming(given).parameters
    assert parameters["unnormalised"] == ["stem", "down"]
    assert (parameters["residual_output"], parameters["unactivated"]) == (True, [])


def test_what_a_network_does_not_have_cannot_be_assumed_of_it(tmp_path: Path):
    gray_to_colour = saved(GeneratorResNet((1, 0, 0), 0, ngf=2).state_dict(), tmp_path)
    found = recognise(gray_to_colour)
    assert not {"channel_order", "padding", "block_relu"} & found.recognition.assumed.keys()
    with pytest.raises(UsageError, match="unnormalised is 'block1', which this network has not"):
        found.assuming({"unnormalised": "block1"})


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("ngf", "8", "'ngf' is nothing to assume here"),
        ("padding", "mirror", "padding is 'mirror', which is none of reflect, replicate"),
        ("norm", "batch", "the file cannot be so"),
        ("value_range", "1,0", "which is not two numbers"),
        ("value_range", "0", "which is not two numbers"),
        ("value_range", "nan,1", "which is not two numbers"),
        ("channel_order", "GBR", "which is none of RGB, BGR"),
        ("output_range", "1", "which is not two numbers"),
        ("residual_output", "perhaps", "which is neither true nor false"),
        ("activation", "leaky_relu", "as leaky_relu:0.2"),
        ("activation", "leaky_relu:2", "as leaky_relu:0.2"),
        ("upsampling", "transpose", "the file cannot be so"),
        ("statistics", "own", "'statistics' is nothing to assume here"),
        ("unnormalised", "neck", "which are not of stem, down"),
        ("head", "softmax", "which is none of tanh, sigmoid, none"),
    ],
)
def test_an_assumption_that_cannot_be_is_refused(
    key: str, value: str, sentence: str, tiny_network: GeneratorResNet, tmp_path: Path
):
    with pytest.raises(UsageError, match=sentence):
        recognise(saved(tiny_network.state_dict(), tmp_path)).assuming({key: value})


def test_a_plugin_that_fails_on_a_file_is_named_and_the_others_are_asked(
    monkeypatch: pytest.MonkeyPatch, tiny_network: GeneratorResNet, tmp_path: Path
):
    class Broken:
        name = "broken"

        def recognise(self, shapes: object) -> None:
            raise KeyError("oops")

    broken: Any = GuardedArchitecture(Broken(), Part("imgtrans.architectures", "broken", "a-plugin"))
    monkeypatch.setattr(recognising, "architectures", lambda: {"broken": broken, "resnet": architecture})
    with pytest.warns(
        PluginWarning, match="the architecture 'broken' of the package a-plugin failed: KeyError: 'oops'"
    ):
        assert recognise(saved(tiny_network.state_dict(), tmp_path)).architecture == "resnet"


def test_a_network_may_be_called_by_the_end_of_its_name(tiny_network: GeneratorResNet, tmp_path: Path):
    other = GeneratorResNet((3, 0, 0), 2, ngf=2).state_dict()
    path = saved(
        {"state_dict": {"netG_A": tiny_network.state_dict(), "netG_B": other}, "a": {"netG_A": dict(other)}}, tmp_path
    )
    assert recognise(path, "netG_B").network == "state_dict.netG_B"
    with pytest.raises(ModelError, match="no network called 'netG_A'"):  # which could be either
        recognise(path, "netG_A")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda w: w | {"foo.weight": torch.ones(3)}, "it fits the deck but for: foo.weight left over"),
        (lambda w: {k: v for k, v in w.items() if not k.startswith("model.4.")}, "but for: model.4.weight missing"),
        (
            lambda w: w | {f"attention.{n}.weight": torch.ones(3) for n in range(5)},
            "attention.0.weight left over, attention.1.weight left over, attention.2.weight left over, 2 more",
        ),
        (
            lambda w: w | {"model.4.weight": torch.ones(8, 5, 3, 3)},
            "called as those of the deck, but do not fit together",
        ),
    ],
)
def test_a_near_miss_says_what_did_not_fit(change: Any, sentence: str, tiny_network: GeneratorResNet, tmp_path: Path):
    with pytest.raises(ModelError, match="holds a network that is not quite known: ") as refusal:
        recognise(saved(change(GeneratorResNet((3, 0, 0), 6, ngf=4).state_dict()), tmp_path))
    assert sentence in refusal.value.message


def test_what_is_far_from_any_network_is_called_unknown(tmp_path: Path):
    layers = {f"features.{n}.weight": torch.ones(4, 4, 3, 3) for n in range(10)}
    with pytest.raises(ModelError, match="holds weights of an unknown network"):
        recognise(saved(layers, tmp_path))
