"""PyTorch files, today's and those from before 1.6: described first, and loaded only if all is as it says."""

import io
import pickle
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch

from imgtrans.checkpoint.archive import read_archive
from imgtrans.checkpoint.meaning import Storage, UnknownNameError
from imgtrans.checkpoint.outline import Outline
from imgtrans.checkpoint.refusals import MOST_TENSORS, READABLE, damaged, plain, too_many
from imgtrans.errors import ModelError

_MAGIC, _VERSION = 0x1950A86A20F9469CFC6C, 1001  # what a legacy file begins with
_MOST_PICKLE_BYTES = 32 << 20
_BARE = "ask for the bare state dict (torch.save(model.state_dict(), ...)), which is safe to load"


@dataclass(frozen=True)
class Described:
    """What a PyTorch file holds.

    Attributes:
        content: Its containers, with a :class:`.meaning.TensorInfo` in the place of each tensor.
        strange: The kinds of tensors in it that are no plain ones.
    """

    content: Any
    strange: set[str]


def describe(path: Path, file: BinaryIO, kind: str) -> Described:
    """Find out what an open PyTorch file holds, without loading it.

    Args:
        path: Its name, for messages.
        file: The open file.
        kind: ``zip`` or ``legacy``.

    Raises:
        ModelError: If it holds more than weights, is damaged, or promises more than it has.
        Exception: Anything that a damaged file can raise.
    """
    if kind == "zip":
        program, there = read_archive(path, file)
        outline = Outline(io.BytesIO(program))
        content = _followed(path, outline)
        _check_storages(path, outline.meaning.storages, there)
    else:
        size = file.seek(0, 2)
        file.seek(0)
        head = io.BytesIO(file.read(_MOST_PICKLE_BYTES))
        outline = Outline(head)
        if _followed(path, outline) != _MAGIC:
            raise ModelError(f"{path} is a pickle, but not of weights", READABLE)
        if _followed(path, outline) != _VERSION:
            raise damaged(path, "it is of an unknown version")
        _followed(path, outline)  # of the machine that wrote it
        content = _followed(path, outline)
        _check_order(path, outline.meaning.storages, _followed(path, outline), size - head.tell())
    if outline.is_newer:
        raise ModelError(
            f"{path} is written with pickle protocol {outline.protocol}, which cannot be read safely",
            "save it again as torch.save does without a pickle_protocol",
        )
    if outline.meaning.tensors > MOST_TENSORS:
        raise too_many(path, outline.meaning.tensors)
    return Described(content, outline.meaning.strange)


def load(path: Path, file: BinaryIO) -> Any:
    """Load a file that :func:`describe` has found well-behaved, onto the CPU; no code in it is ever run.

    Raises:
        ModelError: If PyTorch refuses it after all.
        Exception: Anything that a damaged file can raise.
    """
    file.seek(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of old pickles; what matters has been said
            return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(f"{path} is a pickle, but not of weights", READABLE) from error


def _followed(path: Path, outline: Outline) -> Any:
    try:
        return outline.read()
    except UnknownNameError as error:
        raise ModelError(
            f"{path} holds more than weights: loading it would run code ({plain(error)}), which a model file must not",
            _BARE,
        ) from error


def _check_storages(path: Path, storages: dict[str, Storage], there: Mapping[str, int]) -> None:
    for at, storage in storages.items():
        if there.get(at, -1) < storage.count * storage.width:
            raise damaged(path, "it has tensors that are larger than their values")


def _check_order(path: Path, storages: dict[str, Storage], keys: object, left: int) -> None:
    """Check that the storages behind the pickles are those that the pickles refer to, and that all are there."""
    if not isinstance(keys, list) or len(keys) != len(storages) or not all(type(at) is str for at in keys):
        raise damaged(path, "it does not say which values it holds")
    if {*keys} != {*storages}:
        raise damaged(path, "it does not hold the values that it refers to")
    if sum(8 + storage.count * storage.width for storage in storages.values()) > left:  # each begins with its count
        raise damaged(path, "values are missing at its end")
