"""Makers of files that hold weights, something else, or a trap."""

import io
import pickle
import struct
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from torch import Tensor

Weights = dict[str, Tensor]
Make = Callable[[Path, Weights], object]


class Malicious:
    """Unpickled, it creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return open, (str(self.path), "w")


class Call:
    """Unpickled, it is what a function returns."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.made = function, arguments

    def __reduce__(self) -> tuple[object, ...]:
        return self.made


class Storage:
    """Unpickled by PyTorch, it is the storage of a key, or a part (key, offset, count) of it."""

    def __init__(self, key: str, count: int, kind: type = torch.FloatStorage, part: object = ()) -> None:
        self.reference = ("storage", kind, key, "cpu", count, *(() if part == () else (part,)))


def tensor(storage: Storage, *shape: int, stride: tuple[int, ...] = (1,), offset: int = 0) -> Call:
    """Return what unpickles as a tensor, with nothing checked."""
    return Call(torch._utils._rebuild_tensor_v2, storage, offset, shape, stride, False, {})


def program(content: object, protocol: int = 2) -> bytes:
    """Return the pickle of anything, with references to the storages in it."""

    class Pickler(pickle.Pickler):
        def persistent_id(self, part: object) -> object:
            return part.reference if isinstance(part, Storage) else None

    file = io.BytesIO()
    Pickler(file, protocol).dump(content)
    return file.getvalue()


def zipped(path: Path, pickled: bytes, *storages: bytes, compression: int = zipfile.ZIP_STORED) -> None:
    """Write a file of PyTorch's present format."""
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, data in (("data.pkl", pickled), ("version", b"3\n"), ("byteorder", b"little")):
            file.writestr(f"w/{name}", data)
        for number, data in enumerate(storages):
            file.writestr(f"w/data/{number}", data)


def legacy(path: Path, pickled: bytes, keys: Iterable[str] = (), values: bytes = b"") -> None:
    """Write a file of the format before PyTorch 1.6."""
    head = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}]
    path.write_bytes(
        b"".join(pickle.dumps(part, 2) for part in head) + pickled + pickle.dumps([*keys], 2) + values,
    )


def floats(*numbers: float) -> bytes:
    """Return numbers as a legacy file has them: how many, and then each."""
    return struct.pack(f"<q{len(numbers)}f", len(numbers), *numbers)


def text(content: bytes | str) -> Make:
    return lambda path, _: path.write_bytes(content.encode() if isinstance(content, str) else content)


def saved(make: Callable[[Path, Weights], object], zipped: bool = True) -> Make:
    return lambda path, weights: torch.save(make(path, weights), path, _use_new_zipfile_serialization=zipped)


def cut(write: Make, share: float) -> Make:
    def make(path: Path, weights: Weights) -> None:
        write(path, weights)
        whole = path.read_bytes()
        path.write_bytes(whole[: round(len(whole) * share)])

    return make


def archive(*names: str) -> Make:
    def make(path: Path, _: Weights) -> None:
        with zipfile.ZipFile(path, "w") as file:
            for name in names:
                file.writestr(name, "x")

    return make
