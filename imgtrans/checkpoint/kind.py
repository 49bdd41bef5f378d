"""What a file is, by its bytes: weights that can be read, or something else with a name."""

import re
from pathlib import Path
from typing import BinaryIO

from imgtrans.checkpoint.refusals import MOST_BYTES, READABLE
from imgtrans.errors import ModelError

_HEADER_BYTES = 512
_LARGEST_JSON = 100 << 20  # the limit of the safetensors format itself
_LEVELDB = bytes.fromhex("57fb808b247547db")  # the last bytes of a TensorFlow index
_WEB = (b"<!doctype", b"<html", b"<head", b"<!--", b"<?xml")
_PICTURE = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF", b"GIF8", b"II*\0", b"MM\0*")
_PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf", b"Rar!")
_HINTS = {
    "Git LFS": "git lfs pull, in the folder of the repository, gets the file",
    "ONNX": "the plugin imgtrans-onnx reads such files",
}
_LEGACY_TAR = (b"sys_info\0", b"pickle\0", b"tensors\0", b"storages\0", b"./sys_info\0")


def kind_of(path: Path, file: BinaryIO) -> str:
    """Return ``safetensors``, ``zip`` (PyTorch's format today) or ``pickle`` (before 1.6, and plain) for an open file.

    Raises:
        ModelError: If it is neither; the sentence says what it is.
    """
    size = file.seek(0, 2)
    file.seek(max(0, size - len(_LEVELDB)))
    end = file.read()
    file.seek(0)
    header = file.read(_HEADER_BYTES)
    file.seek(0)
    if size > MOST_BYTES:
        raise ModelError(f"{path} is larger than {MOST_BYTES >> 30} GB, which is no single network", READABLE)
    if header[8:9] == b"{" and int.from_bytes(header[:8], "little") <= _LARGEST_JSON:
        return "safetensors"
    if header.startswith((b"PK\3\4", b"PK\5\6")):
        return "zip"
    if header[:1] == b"\x80":
        return "pickle"
    start = header.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for what, matches in (
        ("is empty", not header),
        ("is a web page, not a checkpoint; the download went wrong", start.startswith(_WEB)),
        ("is a Git LFS pointer, not the file itself", header.startswith(b"version https://git-lfs")),
        ("is a picture", header.startswith(_PICTURE)),
        ("is an HDF5 file, as Keras writes", header.startswith(b"\x89HDF")),
        ("is a NumPy file", header.startswith(b"\x93NUMPY")),
        ("is a TensorFlow Lite file", header[4:8] == b"TFL3"),
        ("is a TensorFlow checkpoint", _is_tensorflow(path, end)),
        ("looks like an ONNX file", path.suffix.lower() == ".onnx" or _is_onnx(header)),
        ("looks like a TensorFlow graph", path.suffix.lower() == ".pb" or header.startswith(b"\x08\x01\x12")),
        ("is a GGUF file", header.startswith(b"GGUF")),
        ("is a Torch7 file, of the Lua days", header.startswith(b"\4\0\0\0\1\0\0\0\3\0\0\0V 1")),
        ("is a PyTorch file from before version 0.1.10, which cannot be read safely", header.startswith(_LEGACY_TAR)),
        ("is a TAR archive", header[257:262] == b"ustar"),
        ("is a GZIP file", header.startswith(b"\x1f\x8b")),
        ("is a packed archive; unpack it first", header.startswith(_PACKED)),
        ("holds nothing but zeros", not header.strip(b"\0")),
        ("is a JSON file, not a checkpoint", start.startswith((b"{", b"[")) and _is_text(header)),
        ("is a text file, not a checkpoint", _is_text(header)),
    ):
        if matches:
            raise ModelError(f"{path} {what}", next((hint for key, hint in _HINTS.items() if key in what), READABLE))
    raise ModelError(f"{path} is not a checkpoint", READABLE)


def _is_tensorflow(path: Path, end: bytes) -> bool:
    return end == _LEVELDB or re.search(r"\.data-\d{5}-of-\d{5}$", path.name) is not None


def _is_onnx(header: bytes) -> bool:
    """Whether a file begins as ONNX does: a version, then the name of the program that wrote it."""
    if header[:1] != b"\x08" or header[2:3] != b"\x12" or len(header) < 4:
        return False
    writer = header[4 : 4 + header[3]]
    return 1 < len(writer) == header[3] and writer.isascii() and writer.decode().isprintable()


def _is_text(header: bytes) -> bool:
    try:
        return header.decode("utf-8", "strict").replace("\t", "").replace("\r", "").replace("\n", "").isprintable()
    except UnicodeDecodeError as error:
        return error.start >= _HEADER_BYTES - 4 and _is_text(header[: error.start])  # cut within a character
