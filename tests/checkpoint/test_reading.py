"""Weights are read from whatever PyTorch and safetensors write, and no code gets past the door."""

import argparse
import os
import pickle
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from imgtrans.architectures.discriminator import Discriminator
from imgtrans.architectures.resnet import GeneratorResNet
from imgtrans.checkpoint import READABLE, read_weights, shapes_of, write_weights
from imgtrans.errors import ModelError
from imgtrans.zoo.loading import find_model, load_network
from tests.checkpoint.makers import (
    Call,
    Malicious,
    Storage,
    Weights,
    cut,
    floats,
    legacy,
    program,
    saved,
    tensor,
    text,
    zipped,
)


def same(read: Weights, expected: Weights) -> bool:
    return read.keys() == expected.keys() and all(torch.equal(read[name], expected[name]) for name in expected)


# What can be read


def test_safetensors_are_read(weights: Weights, tmp_path: Path):
    save_file(weights, tmp_path / "w.safetensors")
    assert same(read_weights(tmp_path / "w.safetensors"), weights)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_pytorch_files_are_read_in_every_precision(weights: Weights, tmp_path: Path, zipped: bool, dtype: torch.dtype):
    weights = {name: tensor.to(dtype) for name, tensor in weights.items()}
    torch.save(weights, tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    read = read_weights(tmp_path / "w.pth")
    assert same(read, weights)
    assert {tensor.dtype for tensor in read.values()} == {dtype}


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_tensors_saved_from_a_gpu_are_read_on_a_machine_without_one(
    weights: Weights, tmp_path: Path, zipped: bool, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "gpu.pth"
    with monkeypatch.context() as patched:
        patched.setattr(torch.serialization, "location_tag", lambda _: "cuda:7")
        torch.save(weights, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(RuntimeError, match="CUDA"):
        torch.load(path, weights_only=True)  # the file does say cuda:7
    read = read_weights(path)
    assert same(read, weights)
    assert {tensor.device.type for tensor in read.values()} == {"cpu"}


def test_a_file_is_known_by_its_content_not_its_name(weights: Weights, tmp_path: Path):
    torch.save(weights, tmp_path / "w.safetensors")
    save_file(weights, tmp_path / "w.pth")
    assert same(read_weights(tmp_path / "w.safetensors"), weights)
    assert same(read_weights(tmp_path / "w.pth"), weights)


def test_an_ordered_dict_of_parameters_is_a_state_dict(tiny_network: GeneratorResNet, tmp_path: Path):
    torch.save(GeneratorResNet((3, 0, 0), 1, ngf=4).state_dict(keep_vars=True), tmp_path / "w.pth")
    assert read_weights(tmp_path / "w.pth").keys() == tiny_network.state_dict().keys()


def test_whole_numbers_that_count_are_read_with_the_weights(tmp_path: Path):
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    torch.save(network.state_dict(), tmp_path / "w.pth")
    read = read_weights(tmp_path / "w.pth")
    assert same(read, network.state_dict())
    assert read["1.num_batches_tracked"].dtype is torch.int64


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_tensors_that_share_a_storage_are_read_as_they_were(tmp_path: Path, zipped: bool):
    whole = torch.arange(24.0).view(4, 6)
    weights = {
        "whole": whole,
        "turned": whole.T,
        "part": whole[1:3, ::2],
        "scalar": torch.tensor(2.5),
        "none": whole[:0],
    }
    torch.save(weights, tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    assert same(read_weights(tmp_path / "w.pth"), weights)


def test_tensors_of_newer_kinds_are_read(tmp_path: Path):
    torch.save({"a": torch.ones(3, 3), "b": torch.ones(3).to(torch.uint16)}, tmp_path / "w.pth")
    assert read_weights(tmp_path / "w.pth")["b"].dtype is torch.uint16


def test_storages_of_a_gpu_are_read_as_old_pytorch_wrote_them(tmp_path: Path):
    storage = Storage("1", 2, torch.cuda.FloatStorage, part=None)
    legacy(tmp_path / "w.pth", program({"a": tensor(storage, 2)}), ["1"], floats(1, 2))
    assert same(read_weights(tmp_path / "w.pth"), {"a": torch.tensor([1.0, 2.0])})


def test_parts_of_storages_are_read_as_pytorch_0_3_wrote_them(tmp_path: Path):
    part = tensor(Storage("1", 6, part=("2", 2, 4)), 2, 2, stride=(2, 1))
    legacy(tmp_path / "w.pth", program({"a": part}), ["1"], floats(0, 1, 2, 3, 4, 5))
    assert same(read_weights(tmp_path / "w.pth"), {"a": torch.tensor([[2.0, 3.0], [4.0, 5.0]])})


def test_an_ordered_dict_of_python_2_is_read(tmp_path: Path):
    pairs = program(Call(OrderedDict, [["weight", tensor(Storage("1", 2, part=None), 2)]]))
    pairs = pairs.replace(b"X\x06\0\0\0weight", b"U\x06weight")  # text of one byte a letter
    legacy(tmp_path / "w.pth", pairs, ["1"], floats(1.5, 2.5))
    assert same(read_weights(tmp_path / "w.pth"), {"weight": torch.tensor([1.5, 2.5])})


@pytest.mark.parametrize("write", [zipped, legacy], ids=["zip", "legacy"])
def test_the_makers_of_these_tests_write_files_that_pytorch_reads(write: Callable[..., None], tmp_path: Path):
    pickled = program({"a": tensor(Storage("0", 2, part=() if write is zipped else None), 2)})
    if write is zipped:
        zipped(tmp_path / "w.pth", pickled, floats(1, 2)[8:])
    else:
        legacy(tmp_path / "w.pth", pickled, ["0"], floats(1, 2))
    expected = {"a": torch.tensor([1.0, 2.0])}
    assert same(torch.load(tmp_path / "w.pth", weights_only=True), expected)
    assert same(read_weights(tmp_path / "w.pth"), expected)


def test_shapes_of_a_state_dict():
    assert shapes_of({"a": torch.ones(2, 3), "b": torch.ones(())}) == {"a": (2, 3), "b": ()}


# What cannot


def optimiser() -> object:
    moments = {"step": torch.tensor(1.0), "exp_avg": torch.ones(2), "exp_avg_sq": torch.ones(2)}
    return {"state": {0: moments}, "param_groups": [{"lr": 2e-4, "betas": (0.5, 0.999), "params": [0]}]}


CODE = "holds more than weights: loading it would run code"
REFUSED = {
    "a malicious pickle": (saved(lambda path, _: Malicious(path.with_name("made"))), f"{CODE} (io.open)"),
    "a malicious legacy pickle": (saved(lambda path, _: Malicious(path.with_name("made")), zipped=False), CODE),
    "a malicious pickle among weights": (
        saved(lambda path, weights: {**weights, "extra": Malicious(path.with_name("made"))}),
        CODE,
    ),
    "a bare malicious pickle": (
        lambda path, _: path.write_bytes(pickle.dumps(Malicious(path.with_name("made")), protocol=2)),
        CODE,
    ),
    "a whole module": (
        saved(lambda *_: GeneratorResNet((3, 0, 0), 1, ngf=4)),
        f"{CODE} (imgtrans.architectures.resnet.GeneratorResNet)",
    ),
    "a pickle of something else": (text(pickle.dumps({"a": 1}, protocol=4)), "holds no network, but other things (a)"),
    "a truncated zip": (cut(saved(lambda _, weights: weights), 0.5), "is damaged or incomplete"),
    "a truncated legacy file": (cut(saved(lambda _, weights: weights, zipped=False), 0.5), "is damaged or incomplete"),
    "a legacy file cut in its first bytes": (
        cut(saved(lambda _, weights: weights, zipped=False), 0.002),
        "is damaged or incomplete",
    ),
    "a truncated safetensors": (
        cut(lambda path, weights: write_weights(weights, path), 0.9),
        "is damaged or incomplete",
    ),
    "a safetensors cut in its header": (
        cut(lambda path, weights: write_weights(weights, path), 0.02),
        "is damaged or incomplete",
    ),
    "a list": (saved(lambda _, weights: list(weights.values())), "holds one list, not a state dict"),
    "a tensor": (saved(lambda *_: torch.ones(3)), "holds one Tensor, not a state dict"),
    "a number": (saved(lambda *_: 3), "holds no weights at all"),
    "a kind of numbers": (saved(lambda *_: torch.float16), "holds no weights at all"),
    "an empty dict": (saved(lambda *_: {}), "holds no weights at all"),
    "an empty safetensors": (lambda path, _: save_file({}, path), "holds no weights at all"),
    "a dict without tensors": (
        saved(lambda *_: {"epoch": 3, "losses": [0.5, 0.4], 7: {}}),
        "holds no network, but other things (epoch, losses, 7)",
    ),
    "optimisers alone": (
        saved(lambda *_: {"optimizer_G": optimiser(), "optimizer_D": optimiser(), "epoch": 3}),
        "holds the state of optimisers (optimizer_G, optimizer_D), but no network",
    ),
    "a malicious pickle of a newer protocol": (
        lambda path, _: zipped(path, pickle.dumps(Malicious(path.with_name("made")), protocol=5)),
        f"{CODE} (io.open)",
    ),
    "a malicious object beside the options": (
        saved(
            lambda path, weights: {
                "state_dict": weights,
                "opt": argparse.Namespace(run=Malicious(path.with_name("made"))),
            }
        ),
        f"{CODE} (io.open)",
    ),
    "a malicious plain pickle of weights": (
        lambda path, weights: path.write_bytes(pickle.dumps({**weights, "run": Malicious(path.with_name("made"))})),
        f"{CODE} (io.open)",
    ),
    "options of a class of their own": (
        saved(lambda _, weights: {"state_dict": weights, "opt": Storage("0", 2)}),
        f"{CODE} (tests.checkpoint.makers.Storage)",
    ),
    "eight bits a number": (
        saved(lambda _, weights: {name: tensor.to(torch.float8_e4m3fn) for name, tensor in weights.items()}),
        "does not hold plain floating-point weights: model.1.weight is float8_e4m3fn",
    ),
    "eight bits a number in safetensors": (
        lambda path, _: save_file({"a": torch.ones(2, 2).to(torch.float8_e5m2)}, path),
        "a is float8_e5m2",
    ),
    "weights that are negated as they are read": (
        saved(lambda *_: {"a": torch.zeros(2, 2, dtype=torch.complex64).conj().imag}),
        "a is a view of other values",
    ),
    "quantised tensors": (
        saved(lambda *_: {"a": torch.quantize_per_tensor(torch.ones(2, 2), 1.0, 0, torch.qint8)}),
        "a is quantised",
    ),
    "names that are no text": (
        saved(lambda *_: {"\x1b[31mred": torch.ones(2, 2)}),
        "is damaged or incomplete: the names of its tensors are no text",
    ),
    "an optimiser's state": (saved(lambda *_: optimiser()), "is the state of an optimiser, not of a network"),
    "whole numbers": (
        saved(lambda _, weights: {name: tensor.long() for name, tensor in weights.items()}),
        "model.1.weight is int64",
    ),
    "whole numbers in safetensors": (lambda path, _: save_file({"a": torch.ones(2).int()}, path), "a is int32"),
    "complex numbers": (saved(lambda *_: {"a": torch.ones(2, dtype=torch.complex64)}), "a is complex64"),
    "sparse tensors": (saved(lambda *_: {"a": torch.eye(3).to_sparse()}), "a is sparse_coo"),
    "tensors without values": (
        saved(lambda *_: {"a": torch.ones(3, device="meta")}),
        "a is without all its values",
    ),
    "tensors that are larger than their file": (
        saved(lambda *_: {"a": torch.ones(1).expand(1 << 40, 3)}),
        "a is without all its values",
    ),
}


@pytest.mark.filterwarnings("ignore::UserWarning")  # while the files are made
@pytest.mark.parametrize("kind", REFUSED)
def test_it_is_refused_in_one_sentence_and_no_code_is_run(kind: str, weights: Weights, tmp_path: Path):
    make, sentence = REFUSED[kind]
    path = tmp_path / "w.pth"
    make(path, weights)
    with pytest.raises(ModelError) as refusal:
        read_weights(path)
    message = refusal.value.message
    assert refusal.value.exit_code == 3
    assert message.startswith(f"{path} ")
    assert sentence in message
    assert "\n" not in message
    assert refusal.value.hint
    assert sorted(tmp_path.iterdir()) == [path]  # nothing was created beside it


def test_refusals_say_what_imgtrans_can_read(tmp_path: Path):
    (tmp_path / "w.pth").write_text("hello")
    with pytest.raises(ModelError) as refusal:
        read_weights(tmp_path / "w.pth")
    assert refusal.value.hint == READABLE


def test_the_malicious_pickle_of_these_tests_would_do_harm(tmp_path: Path):
    pickle.loads(pickle.dumps(Malicious(tmp_path / "made"))).close()
    assert (tmp_path / "made").exists()


@pytest.mark.filterwarnings("error")
def test_reading_warns_of_nothing(tmp_path: Path):
    (tmp_path / "w.pth").write_bytes(pickle.dumps({"a": 1}, protocol=4))  # PyTorch warns of its protocol
    with pytest.raises(ModelError):
        read_weights(tmp_path / "w.pth")


def test_a_file_that_is_not_there(tmp_path: Path):
    with pytest.raises(ModelError, match=r"there is no file .*gone\.pth"):
        read_weights(tmp_path / "gone.pth")


def test_a_folder_is_not_a_checkpoint(tmp_path: Path):
    with pytest.raises(ModelError, match="is a folder, not a checkpoint"):
        read_weights(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes")
def test_a_named_pipe_is_refused_without_waiting_for_it(tmp_path: Path):
    os.mkfifo(tmp_path / "w.pth")
    with pytest.raises(ModelError, match="is not a regular file"):
        read_weights(tmp_path / "w.pth")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path):
    (tmp_path / "w.pth").write_bytes(b"PK")
    (tmp_path / "w.pth").chmod(0)
    with pytest.raises(ModelError, match=r"cannot be read: Permission denied"):
        read_weights(tmp_path / "w.pth")


# What can be read but is no generator


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        (lambda: nn.Linear(2, 2).state_dict(), "holds weights of an unknown network (weight 2x2, bias 2"),
        (lambda: Discriminator((3, 64, 64)).state_dict(), "looks like a discriminator"),
    ],
    ids=["another network", "a discriminator"],
)
def test_weights_of_another_network_are_not_recognised(other: Callable[[], Weights], sentence: str, tmp_path: Path):
    torch.save(other(), tmp_path / "w.pth")
    with pytest.raises(ModelError) as refusal:
        find_model(str(tmp_path / "w.pth"))
    assert sentence in refusal.value.message
    assert refusal.value.hint


@pytest.mark.parametrize("number", ["nan", "inf"])
def test_numbers_that_are_not_finite_are_refused(weights: Weights, tmp_path: Path, number: str):
    weights["model.4.bias"][1] = float(number)
    torch.save(weights, tmp_path / "w.pth")
    with pytest.raises(ModelError, match=r"not finite \(in model\.4\.bias\); the training that made it failed"):
        find_model(str(tmp_path / "w.pth"))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_a_network_computes_in_float32_whatever_its_file_holds(weights: Weights, tmp_path: Path, dtype: torch.dtype):
    torch.save({name: tensor.to(dtype) for name, tensor in weights.items()}, tmp_path / "w.pth")
    network = load_network(find_model(str(tmp_path / "w.pth")))
    assert same(network.state_dict(), {name: tensor.to(dtype).float() for name, tensor in weights.items()})
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}
