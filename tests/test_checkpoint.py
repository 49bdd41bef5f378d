"""Weights are read from whatever PyTorch and safetensors write, and nothing else gets past the door."""

import os
import pickle
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

from imgtrans.architectures.discriminator import Discriminator
from imgtrans.architectures.resnet import GeneratorResNet
from imgtrans.checkpoint import READABLE, read_weights, shapes_of, write_weights
from imgtrans.errors import ModelError
from imgtrans.zoo.loading import find_model, load_network

Weights = dict[str, Tensor]


@pytest.fixture
def weights(tiny_network: GeneratorResNet) -> Weights:
    return {name: tensor.clone() for name, tensor in tiny_network.state_dict().items()}


def same(read: Weights, expected: Weights) -> bool:
    return read.keys() == expected.keys() and all(torch.equal(read[name], expected[name]) for name in expected)


class Malicious:
    """Unpickled, it creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return open, (str(self.path), "w")


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


def test_what_is_written_is_read_back(weights: Weights, tmp_path: Path):
    write_weights(weights, tmp_path / "w")
    assert same(read_weights(tmp_path / "w"), weights)


def test_tensors_that_share_memory_or_are_not_contiguous_can_be_written(tmp_path: Path):
    flat = torch.arange(12.0)
    weights = {"a": flat[:6].view(2, 3).T, "b": flat[3:], "c": flat}
    write_weights(weights, tmp_path / "w")
    assert same(read_weights(tmp_path / "w"), weights)


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_what_is_written_can_be_read_by_others_as_the_umask_says(weights: Weights, tmp_path: Path):
    before = os.umask(0o022)
    try:
        write_weights(weights, tmp_path / "w")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "w").stat().st_mode) == 0o644


def test_a_disk_that_is_full_is_an_operating_systems_error(weights: Weights):
    if not Path("/dev/full").is_char_device():
        pytest.skip("there is no /dev/full here")
    with pytest.raises(OSError, match="No space left"):
        write_weights(weights, Path("/dev/full"))


def test_shapes_of_a_state_dict():
    assert shapes_of({"a": torch.ones(2, 3), "b": torch.ones(())}) == {"a": (2, 3), "b": ()}


# What cannot


def content(make: bytes | str) -> Callable[[Path, Weights], None]:
    return lambda path, _: path.write_bytes(make.encode() if isinstance(make, str) else make) and None


def pickled(make: Callable[[Path, Weights], object], zipped: bool = True) -> Callable[[Path, Weights], None]:
    return lambda path, weights: torch.save(make(path, weights), path, _use_new_zipfile_serialization=zipped)


def picture(format: str) -> Callable[[Path, Weights], None]:
    return lambda path, _: Image.new("RGB", (8, 8)).save(path, format)


def cut(write: Callable[[Weights, Path], None], share: float) -> Callable[[Path, Weights], None]:
    def make(path: Path, weights: Weights) -> None:
        write(weights, path)
        whole = path.read_bytes()
        path.write_bytes(whole[: round(len(whole) * share)])

    return make


def archive(*names: str) -> Callable[[Path, Weights], None]:
    def make(path: Path, _: Weights) -> None:
        with zipfile.ZipFile(path, "w") as file:
            for name in names:
                file.writestr(name, "x")

    return make


def optimiser(_: Path, __: Weights) -> object:
    moments = {"step": torch.tensor(1.0), "exp_avg": torch.ones(2), "exp_avg_sq": torch.ones(2)}
    return {"state": {0: moments}, "param_groups": [{"lr": 2e-4, "betas": (0.5, 0.999), "params": [0]}]}


def legacy(weights: Weights, path: Path) -> None:
    torch.save(weights, path, _use_new_zipfile_serialization=False)


CODE = "holds more than weights: loading it would run code"
REFUSED = {
    "a malicious pickle": (pickled(lambda path, _: Malicious(path.with_name("made"))), f"{CODE} (io.open)"),
    "a malicious legacy pickle": (pickled(lambda path, _: Malicious(path.with_name("made")), zipped=False), CODE),
    "a malicious pickle among weights": (
        pickled(lambda path, weights: {**weights, "extra": Malicious(path.with_name("made"))}),
        CODE,
    ),
    "a bare malicious pickle": (
        lambda path, _: path.write_bytes(pickle.dumps(Malicious(path.with_name("made")), protocol=2)) and None,
        CODE,
    ),
    "a whole module": (
        pickled(lambda *_: GeneratorResNet((3, 0, 0), 1, ngf=4)),
        f"{CODE} (imgtrans.architectures.resnet.GeneratorResNet)",
    ),
    "a pickle of something else": (content(pickle.dumps({"a": 1}, protocol=4)), "is a pickle, but not of weights"),
    "a web page": (content("\n<!DOCTYPE html><html><body>404"), "is a web page, not a checkpoint"),
    "a web page with a byte order mark": (content("\ufeff<html>Sign in"), "is a web page"),
    "an answer of an object store": (content('<?xml version="1.0"?><Error>AccessDenied'), "is a web page"),
    "a Git LFS pointer": (
        content("version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9\n"),
        "is a Git LFS pointer, not the file itself",
    ),
    "an empty file": (content(b""), "is empty"),
    "a truncated zip": (cut(lambda weights, path: torch.save(weights, path), 0.5), "is damaged or incomplete"),
    "a truncated legacy file": (cut(legacy, 0.5), "is damaged or incomplete"),
    "a legacy file cut in its first bytes": (cut(legacy, 0.002), "is damaged or incomplete"),
    "a truncated safetensors": (cut(write_weights, 0.9), "is damaged or incomplete"),
    "a safetensors cut in its header": (cut(write_weights, 0.02), "is damaged or incomplete"),
    "a JPEG": (picture("JPEG"), "is a picture"),
    "a PNG": (picture("PNG"), "is a picture"),
    "a WebP": (picture("WEBP"), "is a picture"),
    "a text file": (content("hello, this is a README\n" * 50), "is a text file"),
    "a text file with accents where the header ends": (content("x" + "é" * 700), "is a text file"),
    "noise": (content(b"\x01\x02\xff\xfe" * 99), "is not a checkpoint"),
    "an HDF5 file": (content(b"\x89HDF\r\n\x1a\n" + bytes(99)), "is an HDF5 file"),
    "a GZIP file": (content(b"\x1f\x8b\x08" + bytes(99)), "is a GZIP file"),
    "a ZIP archive": (archive("readme.txt"), "is a ZIP archive"),
    "a TorchScript program": (archive("net/code/net.py", "net/data.pkl"), "is a TorchScript program"),
    "a list": (pickled(lambda _, weights: list(weights.values())), "holds one list, not a state dict"),
    "a tensor": (pickled(lambda *_: torch.ones(3)), "holds one Tensor, not a state dict"),
    "an empty dict": (pickled(lambda *_: {}), "holds no weights at all"),
    "an empty safetensors": (lambda path, _: save_file({}, path), "holds no weights at all"),
    "a dict with non-tensors": (
        pickled(lambda _, weights: {"state_dict": weights, "epoch": 3}),
        "is not a bare state dict: it holds other things than tensors (state_dict, epoch)",
    ),
    "an optimiser's state": (pickled(optimiser), "is the state of an optimiser, not of a network"),
    "whole numbers": (
        pickled(lambda _, weights: {name: tensor.long() for name, tensor in weights.items()}),
        "model.1.weight is int64",
    ),
    "whole numbers in safetensors": (lambda path, _: save_file({"a": torch.ones(2).int()}, path), "a is int32"),
    "complex numbers": (pickled(lambda *_: {"a": torch.ones(2, dtype=torch.complex64)}), "a is complex64"),
    "sparse tensors": (pickled(lambda *_: {"a": torch.eye(3).to_sparse()}), "a is sparse_coo"),
    "tensors without values": (
        pickled(lambda *_: {"a": torch.ones(3, device="meta")}),
        "a is without all its values",
    ),
    "tensors that are larger than their file": (
        pickled(lambda *_: {"a": torch.ones(1).expand(1 << 40, 3)}),
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
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, weights[name].to(dtype).float())
    assert {tensor.dtype for tensor in network.parameters()} == {torch.float32}
