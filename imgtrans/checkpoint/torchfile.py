"""PyTorch files, today's, those from before 1.6, and plain pickles: described first, and read as described.

PyTorch's own loader is not asked: it would do what the pickle says, all of it, and does not look at checksums.
"""

import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from imgtrans.checkpoint.archive import Archive
from imgtrans.checkpoint.meaning import Storage, UnknownNameError
from imgtrans.checkpoint.outline import Outline
from imgtrans.checkpoint.refusals import MOST_TENSORS, damaged, plain, too_many
from imgtrans.checkpoint.values import Values
from imgtrans.errors import ModelError

_MAGIC, _VERSION = 0x1950A86A20F9469CFC6C, 1001  # what a legacy file begins with
_MAGIC_BYTES = 64
_MOST_PICKLE_BYTES = 32 << 20
_MOST_PLAIN_BYTES = 2 << 30  # of a plain pickle, which has to be read whole to know what is in it
_COUNT = struct.Struct("<q")
_BARE = "ask for the bare state dict (torch.save(model.state_dict(), ...)), which is safe to load"


@dataclass(frozen=True)
class Described:
    """What a PyTorch file holds.

    Attributes:
        content: Its containers, with a :class:`.meaning.TensorInfo` in the place of each tensor, and without what
            is neither.
        values: Makes the tensors, as long as the file is open.
    """

    content: Any
    values: Values


def describe(path: Path, file: BinaryIO, kind: str) -> Described:
    """Find out what an open PyTorch file holds; no code in it is ever run.

    Args:
        path: Its name, for messages.
        file: The open file.
        kind: ``zip`` or ``pickle``, whose beginning tells whether it is a legacy file.

    Raises:
        ModelError: If it holds what could do harm, is damaged, or promises more than it has.
        Exception: Anything that a damaged file can raise.
    """
    if kind == "zip":
        return _archive(path, file)
    begin = io.BytesIO(file.read(_MAGIC_BYTES))
    file.seek(0)
    return _legacy(path, file) if _is_magic(begin) else _pickle(path, file)


def _archive(path: Path, file: BinaryIO) -> Described:
    archive = Archive(path, file)
    outline = Outline(io.BytesIO(archive.program()))
    content = _followed(path, outline)
    for at, storage in outline.meaning.storages.items():
        if archive.sizes.get(at, -1) < storage.count * storage.width:
            raise damaged(path, "it has tensors that are larger than their values")
    archive.check()
    return Described(content, Values(archive.storage, turned=archive.is_of_other_order))


def _legacy(path: Path, file: BinaryIO) -> Described:
    size = file.seek(0, 2)
    file.seek(0)
    head = io.BytesIO(file.read(_MOST_PICKLE_BYTES))
    outline = Outline(head)
    content, begins = _legacy_content(path, outline, head, size)

    def storage(at: str) -> bytearray:
        known = outline.meaning.storages[at]
        file.seek(begins[at])
        if _COUNT.unpack(file.read(_COUNT.size)) != (known.count,):
            raise damaged(path, "it contradicts itself about the number of its values")
        return bytearray(file.read(known.count * known.width))

    return Described(content, Values(storage))


def _pickle(path: Path, file: BinaryIO) -> Described:
    """Describe what plain ``pickle`` wrote: each storage is a legacy file of its own, in bytes within the pickle."""
    if file.seek(0, 2) > _MOST_PLAIN_BYTES:
        raise ModelError(f"{path} is a plain pickle of more than {_MOST_PLAIN_BYTES >> 30} GB", _BARE)
    file.seek(0)
    found: dict[str, memoryview] = {}

    def embedded(values: bytes) -> Storage:
        inner = io.BytesIO(values)
        outline = Outline(inner)
        storage, begins = _legacy_content(path, outline, inner, len(values))
        if not isinstance(storage, Storage) or storage.first:
            raise ValueError("its pickle holds something else where values should be")
        begin = begins[storage.at]
        if _COUNT.unpack_from(values, begin) != (storage.count,):
            raise ValueError("it contradicts itself about the number of its values")
        at = str(len(found))
        found[at] = memoryview(values)[begin + _COUNT.size :][: storage.count * storage.width]
        return Storage(storage.kind, storage.width, storage.count, at)

    outline = Outline(io.BytesIO(file.read()), embedded)
    content = _followed(path, outline)
    if outline.meaning.storages:
        raise damaged(path, "it does not hold the values that it refers to")
    return Described(content, Values(lambda at: bytearray(found[at])))


def _legacy_content(path: Path, outline: Outline, head: io.BytesIO, size: int) -> tuple[Any, Mapping[str, int]]:
    """Follow the five pickles of a legacy file; return what it holds, and where the values of each storage begin."""
    if _followed(path, outline) != _MAGIC or _followed(path, outline) != _VERSION:
        raise damaged(path, "it is of an unknown version")
    _followed(path, outline)  # of the machine that wrote it
    content = _followed(path, outline)
    storages, keys = outline.meaning.storages, _followed(path, outline)
    if not isinstance(keys, list) or len(keys) != len(storages) or not all(type(at) is str for at in keys):
        raise damaged(path, "it does not say which values it holds")
    if {*keys} != {*storages}:
        raise damaged(path, "it does not hold the values that it refers to")
    begins, end = {}, head.tell()
    for at in keys:
        begins[at] = end
        end += _COUNT.size + storages[at].count * storages[at].width
    if end > size:
        raise damaged(path, "values are missing at its end")
    return content, begins


def _is_magic(begin: io.BytesIO) -> bool:
    try:
        return bool(Outline(begin).read() == _MAGIC)
    except Exception:  # a pickle of more than a number
        return False


def _followed(path: Path, outline: Outline) -> Any:
    try:
        content = outline.read()
    except UnknownNameError as error:
        raise ModelError(
            f"{path} holds more than weights: loading it would run code ({plain(error)}), which a model file must not",
            _BARE,
        ) from error
    if outline.meaning.tensors > MOST_TENSORS:
        raise too_many(path, outline.meaning.tensors)
    return content
