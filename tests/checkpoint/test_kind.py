"""What a file is that holds no weights is said in one sentence."""

import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgtrans.checkpoint import read_weights
from imgtrans.errors import ModelError
from tests.checkpoint.makers import Make, Weights, archive, text

LEVELDB_MAGIC = bytes.fromhex("57fb808b247547db")


def picture(format: str) -> Make:
    return lambda path, _: Image.new("RGB", (8, 8)).save(path, format)


def tar(name: str) -> Make:
    def make(path: Path, _: Weights) -> None:
        with tarfile.open(path, "w") as file:
            file.addfile(tarfile.TarInfo(name))

    return make


def numpy_array(path: Path, _: Weights) -> None:
    with path.open("wb") as file:
        np.save(file, np.ones(3))


def numpy_arrays(path: Path, _: Weights) -> None:
    with path.open("wb") as file:
        np.savez(file, weight=np.ones(3))


OTHERS = {
    "a web page": (text("\n<!DOCTYPE html><html><body>404"), "is a web page, not a checkpoint"),
    "a web page with a byte order mark": (text("\ufeff<html>Sign in"), "is a web page"),
    "an answer of an object store": (text('<?xml version="1.0"?><Error>AccessDenied'), "is a web page"),
    "a Git LFS pointer": (
        text("version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9\n"),
        "is a Git LFS pointer, not the file itself",
    ),
    "an answer of a web service": (text('{"message": "Not Found"}'), "is a JSON file, not a checkpoint"),
    "an empty file": (text(b""), "is empty"),
    "zeros": (text(bytes(2000)), "holds nothing but zeros"),
    "a JPEG": (picture("JPEG"), "is a picture"),
    "a PNG": (picture("PNG"), "is a picture"),
    "a WebP": (picture("WEBP"), "is a picture"),
    "a TIFF": (picture("TIFF"), "is a picture"),
    "a text file": (text("hello, this is a README\n" * 50), "is a text file"),
    "a text file with accents where the header ends": (text("x" + "é" * 700), "is a text file"),
    "noise": (text(b"\x01\x02\xff\xfe" * 99), "is not a checkpoint"),
    "an HDF5 file": (text(b"\x89HDF\r\n\x1a\n" + bytes(99)), "is an HDF5 file, as Keras writes"),
    "an array of NumPy": (numpy_array, "is a NumPy file"),
    "arrays of NumPy": (numpy_arrays, "is a NumPy archive"),
    "an ONNX file": (text(b"\x08\x08\x12\x07pytorch\x1a\x052.1.0" + bytes(99)), "looks like an ONNX file"),
    "a TensorFlow Lite file": (text(b"\x1c\0\0\0TFL3" + bytes(99)), "is a TensorFlow Lite file"),
    "a TensorFlow index": (text(b"\0\0\x0f\x08" + bytes(99) + LEVELDB_MAGIC), "is a TensorFlow checkpoint"),
    "a TensorFlow graph": (text(b"\x08\x01\x12\xe0\x8a\x05" + b"\x12" * 600), "looks like a TensorFlow graph"),
    "a Torch7 file": (text(b"\4\0\0\0\1\0\0\0\3\0\0\0V 1\3\0\0\0nn." + bytes(99)), "is a Torch7 file"),
    "a GGUF file": (text(b"GGUF" + bytes(99)), "is a GGUF file"),
    "a GZIP file": (text(b"\x1f\x8b\x08" + bytes(99)), "is a GZIP file"),
    "a 7z file": (text(b"7z\xbc\xaf\x27\x1c" + bytes(99)), "is a packed archive; unpack it first"),
    "a TAR archive": (tar("weights.pth"), "is a TAR archive"),
    "a file of PyTorch 0.1.1": (tar("sys_info"), "is a PyTorch file from before version 0.1.10"),
    "a ZIP archive": (archive("readme.txt"), "is a ZIP archive, not a checkpoint"),
    "an empty ZIP archive": (archive(), "is a ZIP archive, not a checkpoint"),
    "a Keras model": (archive("config.json", "model.weights.h5"), "is a Keras model"),
    "a TorchScript program": (archive("net/code/net.py", "net/data.pkl"), "is a TorchScript program"),
    "a program of torch.export": (archive("net/archive_format", "net/models/m.json"), "is a program of torch.export"),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_no_checkpoint_is_called_what_it_is(kind: str, weights: Weights, tmp_path: Path):
    make, sentence = OTHERS[kind]
    path = tmp_path / "w.pth"
    make(path, weights)
    with pytest.raises(ModelError) as refusal:
        read_weights(path)
    assert refusal.value.message.startswith(f"{path} {sentence}")
    assert "\n" not in refusal.value.message
    assert refusal.value.hint


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("net.onnx", "looks like an ONNX file"),
        ("frozen.pb", "looks like a TensorFlow graph"),
        ("model.ckpt.data-00000-of-00001", "is a TensorFlow checkpoint"),
    ],
)
def test_bytes_that_could_be_anything_are_called_by_the_files_name(name: str, sentence: str, tmp_path: Path):
    (tmp_path / name).write_bytes(b"\x0a\xff\x01\x02" * 99)
    with pytest.raises(ModelError, match=sentence):
        read_weights(tmp_path / name)


def test_a_file_larger_than_any_network_is_not_even_opened(tmp_path: Path):
    with (tmp_path / "w.pth").open("wb") as file:
        file.write(b"\x80\x02")
        file.truncate(17 << 30)  # a hole, which takes no space
    with pytest.raises(ModelError, match="is larger than 16 GB"):
        read_weights(tmp_path / "w.pth")


def test_a_pointer_of_git_lfs_says_how_to_get_the_file(tmp_path: Path):
    (tmp_path / "w.pth").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    with pytest.raises(ModelError) as refusal:
        read_weights(tmp_path / "w.pth")
    assert "git lfs pull" in refusal.value.hint
