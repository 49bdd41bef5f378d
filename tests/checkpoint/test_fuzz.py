"""Whatever stands in a file, it is weights or one sentence: real files with bytes changed, moved and cut off."""

import argparse
import io
import itertools
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from imgtrans.checkpoint import read_networks
from imgtrans.errors import ModelError
from tests.checkpoint.makers import Storage, floats, legacy, program, tensor, zipped

SMALL = {"model.1.weight": torch.ones(2, 3), "model.1.bias": torch.zeros(2), "norm.seen": torch.tensor(3)}
TRAINING = {"G_AB": SMALL, "opt": {"state": {0: {"step": 1.0}}, "param_groups": [{"lr": 0.5}]}, "size": torch.Size([2])}
COMPANY = {
    "G": SMALL,
    "opt": argparse.Namespace(lr=1.0, name="x", out=Path("a/b")),
    "loss": np.float64(0.5),
    "seen": np.arange(3),
}


def _program(part: object) -> bytes:
    values = tensor(Storage("0", 6, part=part), 2, 3, stride=(3, 1))
    return program({"a": values, "b": [None, True, 1.5, ("x", {"y": -1})]})


PROGRAMS = {"zip": _program(()), "legacy": _program(None)}  # a part of a storage is a matter of legacy files


def _saved(content: object, zipped: bool) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=zipped)
    return file.getvalue()


FILES = {
    "safetensors": save(SMALL, {"format": "pt"}),
    "zip": _saved(SMALL, True),
    "legacy": _saved(SMALL, False),
    "training": _saved(TRAINING, True),
    "legacy training": _saved(TRAINING, False),
    "company": _saved(COMPANY, True),
    "plain pickle": pickle.dumps(COMPANY),
    "plain pickle of protocol 2": pickle.dumps(COMPANY, 2),
}
NUMBERS = st.sampled_from([0, 1, 2, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, (1 << 63) - 1, (1 << 64) - 1])


@st.composite
def changed(draw: st.DrawFn, content: bytes) -> bytes:
    """The bytes of a file after one to four accidents, more of them near its ends, where the headers are."""
    for _ in range(draw(st.integers(1, 4))):
        size = len(content)
        at = draw(
            st.one_of(st.integers(0, size), st.integers(0, min(200, size)), st.integers(max(0, size - 200), size))
        )
        match draw(st.sampled_from(["bit", "byte", "number", "cut", "remove", "repeat", "insert"])):
            case "bit":
                byte = content[at : at + 1]
                new = bytes([byte[0] ^ 1 << draw(st.integers(0, 7))]) if byte else b""
                content = content[:at] + new + content[at + 1 :]
            case "byte":
                content = content[:at] + bytes([draw(st.integers(0, 255))]) + content[at + 1 :]
            case "number":
                width = draw(st.sampled_from([1, 2, 4, 8]))
                new = (draw(NUMBERS) & ((1 << 8 * width) - 1)).to_bytes(width, "little")
                content = content[:at] + new + content[at + width :]
            case "cut":
                content = content[:at]
            case "remove":
                content = content[:at] + content[at + draw(st.integers(1, 64)) :]
            case "repeat":
                length = draw(st.integers(1, 64))
                content = content[: at + length] + content[at:]
            case "insert":
                content = content[:at] + draw(st.binary(max_size=16)) + content[at:]
    return content


def is_weights_or_a_sentence(path: Path) -> bool:
    """Read a file; whether it was weights. Anything else than weights or a :class:`ModelError` fails the test."""
    try:
        networks = read_networks(path)
    except ModelError as error:
        assert error.message.isprintable()
        assert len(error.message) < 600
        assert "memory" not in error.message
        return False
    assert networks
    size = path.stat().st_size
    for weights in networks.values():
        assert weights
        for tensor_ in weights.values():
            assert type(tensor_) is torch.Tensor
            assert tensor_.numel() * tensor_.element_size() <= tensor_.untyped_storage().nbytes() <= size
            tensor_.float().sum()
    return True


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "w.pth"


@pytest.mark.parametrize("kind", FILES)
def test_the_files_are_weights_before_they_are_changed(kind: str, path: Path):
    path.write_bytes(FILES[kind])
    assert is_weights_or_a_sentence(path)


@pytest.mark.parametrize("kind", FILES)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_changed_file_is_weights_or_a_sentence(kind: str, path: Path, data: st.DataObject):
    path.write_bytes(data.draw(changed(FILES[kind])))
    is_weights_or_a_sentence(path)


@pytest.mark.parametrize("kind", FILES)
def test_a_file_cut_off_anywhere_is_a_sentence(kind: str, path: Path):
    whole = FILES[kind]
    for length in [*range(0, len(whole) - 1, 1 + len(whole) // 150), len(whole) - 1]:
        path.write_bytes(whole[:length])
        assert not is_weights_or_a_sentence(path)


@pytest.mark.parametrize("kind", ["zip", "training", "company"])
def test_a_changed_byte_anywhere_in_a_zip_file_changes_no_weight(kind: str, path: Path):
    """PyTorch does not look at checksums, and reads such files with other weights."""
    whole = FILES[kind]
    path.write_bytes(whole)
    before = read_networks(path)
    for at, bit in itertools.product(range(0, len(whole), 3), (1, 128)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :])
        try:
            after = read_networks(path)
        except ModelError:
            continue
        assert after.keys() == before.keys()
        for network, weights in after.items():
            assert all(torch.equal(tensor_, before[network][name]) for name, tensor_ in weights.items())


def test_a_changed_value_is_a_damaged_file(path: Path):
    whole = FILES["zip"]
    at = whole.index(torch.ones(6).numpy().tobytes()) + 2
    path.write_bytes(whole[:at] + b"\x01" + whole[at + 1 :])
    assert torch.load(path, weights_only=True)["model.1.weight"].sum() != 6.0  # what PyTorch makes of it
    with pytest.raises(ModelError, match=r"is damaged or incomplete: .* \(the checksum of data/0 is wrong\)"):
        read_networks(path)


def test_a_changed_value_of_what_stands_beside_the_network_is_a_damaged_file_too(path: Path):
    content = _saved({"G": SMALL, "opt": {"state": {0: {"m": torch.full((9,), 7.0)}}, "param_groups": []}}, True)
    at = content.index(torch.full((9,), 7.0).numpy().tobytes())
    path.write_bytes(content[:at] + b"\x01" + content[at + 1 :])
    with pytest.raises(ModelError, match="the checksum of data/"):
        read_networks(path)


def test_a_file_that_was_written_without_checksums_is_read(path: Path):
    torch.serialization.set_crc32_options(False)
    try:
        path.write_bytes(_saved(SMALL, True))
    finally:
        torch.serialization.set_crc32_options(True)
    assert not any(record.CRC for record in zipfile.ZipFile(path).infolist())
    assert torch.equal(read_networks(path)[""]["model.1.weight"], torch.ones(2, 3))


@st.composite
def views(draw: st.DrawFn) -> dict[str, torch.Tensor]:
    """A state dict whose tensors are parts of few storages, in any order of their dimensions."""
    kinds = [torch.float32, torch.float64, torch.float16, torch.bfloat16]
    wholes = [
        torch.arange(60.0).to(kind).view(*shape)
        for kind, shape in draw(
            st.lists(st.tuples(st.sampled_from(kinds), st.permutations([3, 4, 5])), min_size=1, max_size=3)
        )
    ]
    weights = {}
    for number in range(draw(st.integers(1, 6))):
        part = draw(st.sampled_from(wholes))
        for dimension in range(3):
            begin = draw(st.integers(0, part.shape[dimension] - 1))
            length = draw(st.integers(1 if dimension else 0, part.shape[dimension] - begin))
            part = part.narrow(dimension, begin, length)
        part = part.permute(draw(st.permutations(range(3))))
        weights[f"{number}.weight"] = torch.nn.Parameter(part) if draw(st.booleans()) else part
    return weights


@settings(max_examples=100, deadline=None)
@given(weights=views(), zipped=st.booleans(), protocol=st.integers(2, 5), plain=st.booleans())
def test_tensors_are_those_that_pytorch_itself_reads(
    path: Path, weights: dict[str, torch.Tensor], zipped: bool, protocol: int, plain: bool
):
    if plain:
        path.write_bytes(pickle.dumps(weights, protocol))
    else:
        torch.save(weights, path, pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
    (read,) = read_networks(path).values()
    assert read.keys() == weights.keys()
    for name, tensor_ in read.items():
        assert tensor_.dtype is weights[name].dtype
        assert not tensor_.requires_grad
        assert torch.equal(tensor_, weights[name])


def with_pickle(path: Path, kind: str, pickled: bytes) -> None:
    if kind == "zip":
        zipped(path, pickled, floats(*range(6))[8:])
    else:
        legacy(path, pickled, ["0"], floats(*range(6)))


@pytest.mark.parametrize("kind", PROGRAMS)
@settings(max_examples=250, deadline=None)
@given(data=st.data())
def test_a_changed_pickle_in_a_whole_file_is_weights_or_a_sentence(kind: str, path: Path, data: st.DataObject):
    with_pickle(path, kind, PROGRAMS[kind])
    assert is_weights_or_a_sentence(path)
    with_pickle(path, kind, data.draw(changed(PROGRAMS[kind])))
    is_weights_or_a_sentence(path)
