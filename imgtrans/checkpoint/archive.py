"""PyTorch's ZIP files: which records they have, and that no record claims more than the file has."""

import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from imgtrans.checkpoint.refusals import READABLE, damaged
from imgtrans.errors import ModelError

_LARGEST_DIRECTORY = 16 << 20  # of 100,000 records with long names
_LARGEST_PROGRAM = 32 << 20
_END, _LOCATOR, _END64 = struct.Struct("<4s4H2LH"), struct.Struct("<4sLQL"), struct.Struct("<4sQ2H2L4Q")


def read_archive(path: Path, file: BinaryIO) -> tuple[bytes, Mapping[str, int]]:
    """Return the pickle of a PyTorch ZIP file, and the bytes of each of its storages by key.

    PyTorch reads these files with a library of its own. What could make it see other records than ``zipfile``
    (a directory elsewhere, equal names) or larger ones (compression) is refused: PyTorch writes no such thing.

    Raises:
        ModelError: If the file is not whole, or not as PyTorch writes it.
        Exception: Anything that ``zipfile`` raises for a damaged file.
    """
    size = file.seek(0, 2)
    _check_directory(path, file, size)
    with zipfile.ZipFile(file) as opened:
        records = opened.infolist()
        _check_names(path, opened.namelist())
        if any(record.compress_type != zipfile.ZIP_STORED for record in records):
            raise damaged(path, "its records are compressed, which PyTorch never does")
        if sum(record.file_size for record in records) > size:
            raise damaged(path, "its records claim to be larger than the file")
        if any(record.file_size != record.compress_size for record in records):
            raise damaged(path, "its records contradict themselves about their size")
        if len({record.orig_filename.lower() for record in records}) < len(records) or any(
            record.filename != record.orig_filename for record in records
        ):
            raise damaged(path, "the names of its records are ambiguous")
        root = records[0].filename.partition("/")[0]
        program = opened.getinfo(f"{root}/data.pkl")
        if program.file_size > _LARGEST_PROGRAM:
            raise damaged(path, f"it needs {program.file_size:,} bytes to describe its tensors")
        data = f"{root}/data/"
        sizes = {record.filename: record.file_size for record in records if record.filename.startswith(data)}
        return opened.read(program), {name.removeprefix(data): size for name, size in sizes.items()}


def _check_directory(path: Path, file: BinaryIO, size: int) -> None:
    """Refuse a ZIP file unless a directory of sensible size stands right before its end, with nothing between."""
    file.seek(max(0, size - _END64.size - _LOCATOR.size - _END.size))
    tail = file.read()
    end, tail = tail[-_END.size :], tail[: -_END.size]
    if len(end) < _END.size or not end.startswith(b"PK\x05\x06"):
        raise damaged(path, "its end is missing")
    *_, length, offset, comment = _END.unpack(end)
    after = size - _END.size
    locator = tail[-_LOCATOR.size :]
    if locator.startswith(b"PK\x06\x07"):  # the numbers stand in a larger record before
        after -= len(tail)
        end64 = tail[: -_LOCATOR.size]
        if len(end64) < _END64.size or not end64.startswith(b"PK\x06\x06") or _LOCATOR.unpack(locator)[2] != after:
            raise damaged(path, "its end contradicts itself")
        *_, length, offset = _END64.unpack(end64)
    if comment or offset + length != after:
        raise damaged(path, "its end is not where its directory ends")
    if length > _LARGEST_DIRECTORY:
        raise damaged(path, f"its directory of {length:,} bytes is larger than that of any network")


def _check_names(path: Path, names: list[str]) -> None:
    """Refuse what the names in a ZIP file show to be something else than a file of ``torch.save``."""
    inner = {name.partition("/")[2] for name in names}
    for what, matches in (
        ("a TorchScript program, which runs code of its own", any(name.startswith("code/") for name in inner)),
        ("a program of torch.export", "archive_format" in inner or "serialized_exported_program.json" in names),
        ("a Keras model", "model.weights.h5" in names),
        ("a NumPy archive", any(name.endswith(".npy") for name in names)),
        ("a ZIP archive, not a checkpoint", "data.pkl" not in inner),
    ):
        if matches:
            raise ModelError(f"{path} is {what}", READABLE)
