"""Checkpoints become networks: recognised, checked, built and filled."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
import torch

from imgtrans import checkpoint
from imgtrans.architectures.family import architecture
from imgtrans.architectures.resnet import GeneratorResNet
from imgtrans.errors import ImgtransError, ModelError
from imgtrans.files import sha256_of
from imgtrans.protocols import Parameters
from imgtrans.zoo import store
from imgtrans.zoo.loading import find_model, load_network
from imgtrans.zoo.store import Model


def network(channels: int, ngf: int, blocks: int, upsampling: str) -> GeneratorResNet:
    return GeneratorResNet((channels, 0, 0), blocks, ngf=ngf, upsampling=upsampling)


def test_width_blocks_channels_and_upsampling_are_read_off_names_and_shapes():
    for channels, ngf, blocks, upsampling in product((1, 3, 4), (4, 64), range(10), ("nearest", "transpose")):
        with torch.device("meta"):
            weights = network(channels, ngf, blocks, upsampling).state_dict()
        recognition = architecture.recognise(checkpoint.shapes_of(weights))
        assert recognition is not None
        parameters = recognition.parameters
        assert parameters == {"channels": channels, "ngf": ngf, "blocks": blocks, "upsampling": upsampling}
        with torch.device("meta"):
            rebuilt = architecture.build(parameters).state_dict()
        assert checkpoint.shapes_of(rebuilt) == checkpoint.shapes_of(weights)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize(
    ("channels", "ngf", "blocks", "upsampling"),
    [(3, 4, 0, "nearest"), (3, 4, 2, "transpose"), (1, 3, 1, "nearest"), (4, 2, 9, "transpose")],
)
def test_a_file_alone_is_enough_to_rebuild_its_network(
    channels: int, ngf: int, blocks: int, upsampling: str, suffix: str, tmp_path: Path
):
    torch.manual_seed(0)
    original = network(channels, ngf, blocks, upsampling).eval()
    path = tmp_path / f"net{suffix}"
    if suffix == ".pth":
        torch.save(original.state_dict(), path)
    else:
        checkpoint.write_weights(original.state_dict(), path)
    model = find_model(str(path))
    assert model.name == "net"
    rebuilt = load_network(model)
    pictures = torch.rand(2, channels, 16, 12)
    assert torch.equal(rebuilt(pictures), original(pictures))


def test_a_loaded_network_is_ready_for_inference(tiny: Model):
    loaded = load_network(tiny)
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    assert {parameter.device.type for parameter in loaded.parameters()} == {"cpu"}


def test_a_name_stands_for_the_model_of_the_zoo(tiny: Model):
    assert find_model("tiny") == tiny


def test_a_path_stands_for_the_checkpoint_there(tiny: Model):
    found = find_model(str(tiny.weights))
    assert found.weights == tiny.weights
    assert load_network(found).state_dict().keys() == load_network(tiny).state_dict().keys()


def test_a_card_beside_a_checkpoint_is_used_if_it_is_that_files(tiny: Model, tmp_path: Path):
    weights = tmp_path / "copy.safetensors"
    weights.write_bytes(tiny.weights.read_bytes())
    (tmp_path / store.CARD_FILE).write_text(replace(tiny.card, working_size=512).to_toml())
    assert find_model(str(weights)).card.working_size == 512
    (tmp_path / store.CARD_FILE).write_text(replace(tiny.card, working_size=512, sha256="0" * 64).to_toml())
    assert find_model(str(weights)).card.working_size == 0


def test_weights_that_their_card_does_not_describe_are_refused(tiny: Model):
    card = replace(tiny.card, parameters={**tiny.card.parameters, "ngf": 5})
    with pytest.raises(ModelError, match="does not hold the network that the card of 'tiny' says"):
        load_network(replace(tiny, card=card))


@pytest.mark.parametrize("parameters", [{}, {"channels": "x", "ngf": 4, "blocks": 1, "upsampling": "nearest"}])
def test_a_card_with_odd_parameters_is_refused(tiny: Model, parameters: Parameters):
    with pytest.raises(ModelError, match="does not hold the network"):
        load_network(replace(tiny, card=replace(tiny.card, parameters=parameters)))


def test_a_card_with_an_unknown_architecture_says_which_there_are(tiny: Model):
    with pytest.raises(ImgtransError, match="there is no 'perceptron' among the architectures") as refusal:
        load_network(replace(tiny, card=replace(tiny.card, architecture="perceptron")))
    assert refusal.value.exit_code == 5


@pytest.mark.parametrize(
    ("name", "value"), [("blocks", 10**9), ("ngf", 10**9), ("blocks", -1), ("ngf", -4), ("channels", 3.0)]
)
def test_a_hostile_card_is_refused_in_one_sentence_that_says_what_is_wrong(tiny: Model, name: str, value: object):
    card = replace(tiny.card, parameters={**tiny.card.parameters, name: value})
    with pytest.raises(
        ModelError, match=rf"the card of 'tiny' says: {name} is .*, which is no whole number"
    ) as refusal:
        load_network(replace(tiny, card=card))
    assert "\n" not in refusal.value.message


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_no_numbers_are_refused_though_their_card_fits(
    tiny: Model, tiny_network: GeneratorResNet, value: float
):
    weights = {name: tensor.clone() for name, tensor in tiny_network.state_dict().items()}
    weights["model.1.bias"][0] = value
    checkpoint.write_weights(weights, tiny.weights)
    card = replace(tiny.card, sha256=sha256_of(tiny.weights))
    with pytest.raises(ModelError, match=r"not finite \(in model\.1\.bias\)"):
        load_network(replace(tiny, card=card))


def test_weights_that_changed_since_they_came_into_the_zoo_are_refused_when_they_are_loaded(tiny: Model):
    content = bytearray(tiny.weights.read_bytes())
    content[-1] ^= 1  # the last bit of the last weight
    tiny.weights.write_bytes(content)
    with pytest.raises(ModelError, match="is not the file that its card was written for") as refusal:
        load_network(find_model("tiny"))
    assert refusal.value.hint.startswith("remove the model and get it again")


def test_weights_that_are_gone_are_missed_by_name(tiny: Model):
    tiny.weights.unlink()
    with pytest.raises(ModelError, match=f"there is no file {tiny.weights}"):
        load_network(tiny)


def test_a_tilde_in_a_path_is_the_home_folder(tiny: Model, home: Path):
    (home / "net.safetensors").write_bytes(tiny.weights.read_bytes())
    assert find_model("~/net.safetensors").weights == home / "net.safetensors"
    with pytest.raises(ModelError, match=r"there is no file ~nobody-of-that-name/net\.pth"):
        find_model("~nobody-of-that-name/net.pth")
