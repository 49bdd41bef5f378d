"""PyTorch's ZIP files: which records they have, that none claims more than the file has, and that all are undamaged."""

import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from imgtrans.checkpoint.refusals import READABLE, damaged
from imgtrans.errors import ModelError

_LARGEST_DIRECTORY = 16 << 20  # of 100,000 records with long names
_LARGEST_PROGRAM = 32 << 20
_CHUNK = 1 << 20
_END, _LOCATOR, _END64 = struct.Struct("<4s4H2LH"), struct.Struct("<4sLQL"), struct.Struct("<4sQ2H2L4Q")
_LOCAL = struct.Struct("<4s22x2H")


class Archive:
    """An open ZIP file of PyTorch, found to be as PyTorch writes it.

    PyTorch reads these files with a library of its own. What could make it see other records than ``zipfile``
    (a directory elsewhere, equal names) or larger ones (compression) is refused: PyTorch writes no such thing.

    Args:
        path: Its name, for messages.
        file: The open file.

    Attributes:
        sizes: The bytes of each storage by its key.

    Raises:
        ModelError: If the file is not whole, or not as PyTorch writes it.
        Exception: Anything that ``zipfile`` raises for a damaged file.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path, self._file = path, file
        size = file.seek(0, 2)
        _check_directory(path, file, size)
        with zipfile.ZipFile(file) as opened:
            records = opened.infolist()
        _check_names(path, [record.filename for record in records])
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
        self._records = {record.filename.removeprefix(f"{root}/"): record for record in records}
        self._summed = any(record.CRC for record in records)  # PyTorch can be told to leave checksums out
        self.sizes = {
            name.removeprefix("data/"): record.file_size
            for name, record in self._records.items()
            if name.startswith("data/")
        }

    def program(self) -> bytes:
        """Return the pickle.

        Raises:
            ModelError: If it is damaged, or larger than that of any network.
        """
        size = self._records["data.pkl"].file_size
        if size > _LARGEST_PROGRAM:
            raise damaged(self._path, f"it needs {size:,} bytes to describe its tensors")
        return bytes(self._read("data.pkl"))

    def storage(self, at: str) -> bytearray:
        """Return the bytes of a storage, in this machine's order.

        Raises:
            ModelError: If they are damaged.
        """
        return self._read(f"data/{at}")

    @property
    def is_of_other_order(self) -> bool:
        """Whether the bytes of each number stand in another order than on this machine."""
        return "byteorder" in self._records and self._read("byteorder") != sys.byteorder.encode()

    def check(self) -> None:
        """Compare every record with its checksum, which PyTorch's own reader does not.

        Raises:
            ModelError: If one has changed since the file was written.
        """
        for name in self._records:
            for _ in self._chunks(name):
                pass

    def _read(self, name: str) -> bytearray:
        content = bytearray()
        for chunk in self._chunks(name):
            content += chunk
        return content

    def _chunks(self, name: str) -> Iterator[bytes]:
        """Yield what a record holds; its end comes only if it is whole."""
        record, file, found = self._records[name], self._file, 0
        file.seek(record.header_offset)
        magic, *lengths = _LOCAL.unpack(file.read(_LOCAL.size))
        if magic != b"PK\x03\x04" or file.read(lengths[0]) != record.filename.encode():
            raise damaged(self._path, f"its directory leads astray ({name})")
        file.seek(lengths[1], 1)
        left = record.file_size
        while left:
            chunk = file.read(min(left, _CHUNK))
            if not chunk:
                raise damaged(self._path, f"it ends within {name}")
            found, left = zlib.crc32(chunk, found), left - len(chunk)
            yield chunk
        if self._summed and found != record.CRC:
            raise damaged(self._path, f"what it holds is not what was written (the checksum of {name} is wrong)")


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
