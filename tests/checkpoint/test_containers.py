"""The networks of a file are found wherever people put them, and an ordinary network is never taken apart."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from imgtrans.architectures.resnet import GeneratorResNet
from imgtrans.checkpoint import read_networks, read_weights, write_weights
from imgtrans.errors import ModelError
from tests.checkpoint.makers import Weights

Kernels = dict[str, Tensor]


def kernels(*names: str) -> Kernels:
    return {name: torch.full((2, 2), float(number)) for number, name in enumerate(names)}


def prefixed(prefix: str, weights: Mapping[str, Tensor]) -> Weights:
    return {f"{prefix}{name}": tensor for name, tensor in weights.items()}


def found(content: object, path: Path) -> dict[str, Weights]:
    torch.save(content, path)
    return read_networks(path)


def same(read: Weights, expected: Weights) -> bool:
    return read.keys() == expected.keys() and all(torch.equal(read[name], expected[name]) for name in expected)


def adam(network: nn.Module) -> dict[str, object]:
    optimiser = torch.optim.Adam(network.parameters())
    network(torch.ones(1, 3, 8, 8)).sum().backward()
    optimiser.step()
    return optimiser.state_dict()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "w.pth"


@pytest.mark.parametrize("key", ["state_dict", "model", "generator", "params_ema", "netG", "model_state_dict"])
def test_a_network_under_a_key_is_called_by_it(key: str, weights: Weights, path: Path):
    networks = found({key: weights, "epoch": 3, "loss": torch.tensor(0.5), "args": {"lr": 1e-4}}, path)
    assert [*networks] == [key]
    assert same(networks[key], weights)
    assert same(read_weights(path), weights)


def test_a_bare_state_dict_has_no_name(weights: Weights, path: Path):
    networks = found(weights, path)
    assert [*networks] == [""]
    assert same(networks[""], weights)


def test_weights_beside_an_epoch_are_a_bare_state_dict_too(weights: Weights, path: Path):
    assert same(
        found({**weights, "epoch": 3, "rng": torch.ones(9, dtype=torch.uint8)}, path)[""],
        {
            **weights,
            "rng": torch.ones(9, dtype=torch.uint8),
        },
    )


def test_every_network_of_a_training_checkpoint_is_found_and_nothing_else(path: Path):
    torch.manual_seed(0)
    networks = {name: nn.Sequential(nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3)) for name in ("G_AB", "G_BA", "D_A", "D_B")}
    state = {name: network.state_dict() for name, network in networks.items()}
    schedule = torch.optim.lr_scheduler.MultiStepLR(torch.optim.SGD([torch.ones(1)]), [3, 5]).state_dict()
    content = {
        **state,
        "optimizer_G": adam(networks["G_AB"]),
        "D_optim": adam(networks["D_A"]),
        "lr_scheduler": schedule,
        "epoch": 3,
        "losses": [0.5, 0.25],
        "rng": torch.get_rng_state(),
        "size": torch.Size([3, 4]),
        "device": torch.device("cuda:0"),
        "seen": {1, 2},
        "salt": b"\x00\xff",
    }
    read = found(content, path)
    assert [*read] == ["G_AB", "G_BA", "D_A", "D_B"]
    assert all(same(read[name], state[name]) for name in state)


def test_networks_within_wrappers_are_called_by_all_keys_on_the_way(path: Path):
    content = {"state_dict": {"netG_A": kernels("a", "b"), "netG_B": kernels("a", "b")}, "ema": {"nets": kernels("a")}}
    assert [*found(content, path)] == ["state_dict.netG_A", "state_dict.netG_B", "ema.nets"]


def test_several_networks_are_named_when_one_was_asked_for(path: Path):
    scores = {"0.weight": torch.ones(8, 3, 4, 4), "2.weight": torch.ones(1, 8, 4, 4)}
    torch.save({"G_AB": kernels("model.1.weight"), "G_BA": kernels("model.1.weight"), "D_A": scores}, path)
    with pytest.raises(ModelError) as refusal:
        read_weights(path)
    assert refusal.value.message == f"{path} holds 3 networks: G_AB, G_BA, D_A (a discriminator)"
    assert "--network" in refusal.value.hint


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.module."])
def test_the_prefixes_of_wrappers_are_taken_off(prefix: str, weights: Weights, path: Path):
    assert same(found(prefixed(prefix, weights), path)[""], weights)
    assert same(found({"G": prefixed(prefix, weights)}, path)["G"], weights)
    assert same(found(prefixed(f"netG.{prefix}", weights), path)["netG"], weights)
    write_weights(prefixed(prefix, weights), path)
    assert same(read_weights(path), weights)


def test_the_counter_of_an_averaged_network_is_taken_off_with_its_prefix(path: Path):
    network = nn.Sequential(nn.Conv2d(3, 3, 3))
    averaged = torch.optim.swa_utils.AveragedModel(network)
    assert same(found(averaged.state_dict(), path)[""], network.state_dict())


def test_a_prefix_that_only_some_keys_have_stays(path: Path):
    mixed = kernels("module.0.weight", "head.weight")
    assert same(found(mixed, path)[""], mixed)


@pytest.mark.parametrize(
    "names",
    [
        ("G_AB", "G_BA", "D_A", "D_B"),
        ("netG_A", "netG_B", "netD_A", "netD_B"),
        ("genA2B", "genB2A", "disGA", "disLA"),
        ("generator", "discriminator"),
        ("gen_A", "gen_B", "critic"),
        ("G", "F", "D_X", "D_Y"),
        ("g", "d"),
        ("A2B", "B2A"),
        ("photo_to_monet", "monet_to_photo", "vgg"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("outer", ["", "model.", "module."])
def test_networks_side_by_side_in_one_state_dict_are_split(names: tuple[str, ...], outer: str, path: Path):
    flat: Weights = {}
    for number, name in enumerate(names):
        own = {"model.1.weight": torch.full((2, 2), float(number)), "model.4.weight": torch.ones(2, 2)}
        flat |= prefixed(f"{outer}{name}.", own)
    networks = found({"state_dict": flat, "pytorch-lightning_version": "2.0"}, path)
    inner = outer if outer == "model." else ""
    assert [*networks] == [f"state_dict.{inner}{name}" for name in names]
    for number, weights in enumerate(networks.values()):
        assert [*weights] == ["model.1.weight", "model.4.weight"]
        assert weights["model.1.weight"][0, 0] == number


@pytest.mark.parametrize("name", ["netG", "generator", "G_AB", "model.netG"])
def test_the_one_name_that_all_keys_begin_with_is_the_networks(name: str, weights: Weights, path: Path):
    networks = found(prefixed(f"{name}.", weights), path)
    assert [*networks] == [name]
    assert same(networks[name], weights)


@pytest.mark.parametrize(
    "names",
    [
        ("model.1.weight", "model.4.weight", "model.10.block.1.weight"),
        ("model.model.0.weight", "model.model.1.model.1.weight", "model.model.1.model.3.weight"),
        ("initial.0.weight", "down_blocks.0.0.weight", "down_blocks.1.0.weight", "last.weight"),
        ("conv1.0.weight", "conv2.0.weight", "res_blocks.0.a.weight", "deconv1.0.weight", "deconv2.0.weight"),
        ("down1.a.weight", "down1.b.weight", "up1.a.weight", "up1.b.weight"),
        ("d1.a.weight", "d1.b.weight", "d2.a.weight", "d2.b.weight", "g1.a.weight", "g1.b.weight"),
        ("encoder.0.weight", "encoder.1.weight", "decoder.0.weight", "decoder.1.weight"),
        ("generator.weight", "discriminator.weight"),
        ("generator.0.weight", "generator.1.weight", "mapping.0.weight", "mapping.1.weight"),
        ("conv2d.0.weight", "conv2d.1.weight", "up2x.0.weight", "up2x.1.weight"),
        ("gamma.0.weight", "gamma.1.weight", "dense.0.weight", "dense.1.weight"),
        ("weight", "bias"),
        ("netG.weight",),
    ],
    ids=lambda names: names[-1],
)
def test_an_ordinary_network_is_not_taken_apart(names: tuple[str, ...], path: Path):
    networks = found(kernels(*names), path)
    assert [*networks] == [""]
    assert [*networks[""]] == [*names]


def test_the_networks_of_a_safetensors_file_are_split_too(tmp_path: Path):
    write_weights(kernels("G_AB.a.weight", "G_AB.b.weight", "D_A.a.weight", "D_A.b.weight"), tmp_path / "w")
    assert {*read_networks(tmp_path / "w")} == {"G_AB", "D_A"}


def test_the_same_network_under_two_names_is_found_once(path: Path):
    network = kernels("0.weight")
    assert [*found({"model": network, "best": network}, path)] == ["model"]


def test_containers_that_hold_themselves_are_read_once(path: Path):
    content: dict[str, object] = {"G": kernels("0.weight")}
    content["again"] = content
    assert [*found(content, path)] == ["G"]


def test_a_networks_weights_need_not_hold_on_to_the_rest_of_the_file(path: Path):
    network = GeneratorResNet((3, 0, 0), 1, ngf=4)
    read = found({"G": network.state_dict(keep_vars=True)}, path)["G"]
    assert not any(tensor.requires_grad for tensor in read.values())
