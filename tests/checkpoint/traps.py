"""Files made to take a reader's memory or time, or to have it make up values."""

import codecs
import io
import json
import pickle
import struct
import zipfile
from collections import Counter, OrderedDict
from pathlib import Path

import numpy
import torch

from tests.checkpoint.makers import Call, Make, Storage, Weights, floats, legacy, program, saved, tensor, zipped

TERA = 1 << 40
_FEW = floats(1, 2)[8:]


def _zip(content: object, *storages: bytes) -> Make:
    return lambda path, _: zipped(path, program(content), *storages)


def _raw(pickled: bytes) -> Make:
    return lambda path, _: zipped(path, pickled, _FEW)


def _safetensors(header: object, body: bytes = bytes(8), claim: int | None = None) -> Make:
    def make(path: Path, _: Weights) -> None:
        text = header if isinstance(header, bytes) else json.dumps(header).encode()
        path.write_bytes(struct.pack("<Q", len(text) if claim is None else claim) + text + body)

    return make


def _float(*shape: int, begin: int = 0, end: int = 8) -> dict[str, object]:
    return {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}


def _compressed(path: Path, _: Weights) -> None:
    content = program({"a": tensor(Storage("0", 25 << 20), 25 << 20)})
    zipped(path, content, bytes(100 << 20), compression=zipfile.ZIP_DEFLATED)


def _lying(compressed: bool) -> Make:
    """A directory that says that a record is of a terabyte."""

    def make(path: Path, _: Weights) -> None:
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("w/data.pkl", program({"a": tensor(Storage("0", TERA // 4), TERA // 4)}))
            file.writestr("w/data/0", _FEW)
            record = file.infolist()[-1]
            record.file_size = TERA
            if compressed:
                record.compress_size = TERA

    return make


def _overlapping(path: Path, _: Weights) -> None:
    """A thousand records that are the same megabyte."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("w/data.pkl", program({str(n): tensor(Storage(str(n), 1 << 18), 1 << 18) for n in range(1000)}))
        file.writestr("w/data/0", bytes(1 << 20))
        first = file.infolist()[-1]
        for number in range(1, 1000):
            again = zipfile.ZipInfo(f"w/data/{number}")
            again.header_offset, again.CRC = first.header_offset, first.CRC
            again.file_size = again.compress_size = first.file_size
            file.filelist.append(again)


def _behind(path: Path, weights: Weights) -> None:
    """One ZIP file behind another, which different readers see differently."""
    torch.save(weights, path)
    path.write_bytes(path.read_bytes() * 2)


def _missing_values(path: Path, _: Weights) -> None:
    """A legacy file that does not say where its values are; PyTorch would take whatever stood in memory."""
    legacy(path, program({"a": tensor(Storage("1", 2, part=None), 2)}), [])


def _view_under_two_sizes(path: Path, _: Weights) -> None:
    parts = [tensor(Storage("1", 1000, part=("2", 0, size)), size) for size in (1, 1000)]
    legacy(path, program(dict(zip("ab", parts, strict=True))), ["1"], floats(*range(1000)))


def _nested(levels: int) -> bytes:
    return b"\x80\x02}" + b"X\1\0\0\0a}" * levels + b"s" * levels + b"."


def _values() -> bytes:
    """Two numbers as plain pickle has them: a legacy file of one storage."""
    file = io.BytesIO()
    torch.save(torch.ones(2).untyped_storage(), file, _use_new_zipfile_serialization=False)
    return file.getvalue()


def _plain(*embedded: bytes) -> Make:
    """A plain pickle of storages that stand within it."""
    content = pickle.dumps([Call(torch.storage._load_from_bytes, values) for values in embedded])
    return lambda path, _: path.write_bytes(content)


_VALUES = _values()
_TEXT = "x" * 1000
_PAIRS = [[str(number), number] for number in range(5000)]
_MANY = [*range(5000)]
_COUNTED = dict(_PAIRS)
_ITSELF: dict[str, object] = {}
_ITSELF["a"] = _ITSELF
_LARGER = "its pickle copies the same values again and again"
_NO_VALUES = "it has a tensor that is larger than its values"

TRAPS: dict[str, tuple[Make, str]] = {
    "a byte array of a terabyte": (_zip({"a": Call(bytearray, TERA)}), "holds no network, but other things (a)"),
    "a tensor of a terabyte": (_zip({"a": Call(torch.Tensor, TERA)}), "would run code (torch.Tensor)"),
    "a shape of a terabyte": (_zip({"a": tensor(Storage("0", 2), TERA)}, _FEW), _NO_VALUES),
    "a shape beyond numbers": (_zip({"a": tensor(Storage("0", 2), 1 << 70)}, _FEW), "a shape that cannot be"),
    "a negative shape": (_zip({"a": tensor(Storage("0", 2), -2)}, _FEW), "a shape that cannot be"),
    "an offset behind the end": (_zip({"a": tensor(Storage("0", 2), 1, offset=TERA)}, _FEW), _NO_VALUES),
    "a negative offset": (_zip({"a": tensor(Storage("0", 2), 1, offset=-1)}, _FEW), "a shape that cannot be"),
    "a stride of a terabyte": (_zip({"a": tensor(Storage("0", 2), 2, stride=(TERA,))}, _FEW), _NO_VALUES),
    "a stride of nothing": (
        _zip({"a": tensor(Storage("0", 2), TERA, stride=(0,))}, _FEW),
        "a is without all its values",
    ),
    "too many dimensions": (
        _zip({"a": tensor(Storage("0", 2), *[1] * 99, stride=(1,) * 99)}, _FEW),
        "a shape that cannot be",
    ),
    "a storage of a terabyte": (_zip({"a": tensor(Storage("0", TERA), 2)}, _FEW), "larger than their values"),
    "a storage that is not there": (_zip({"a": tensor(Storage("7", 2), 2)}, _FEW), "larger than their values"),
    "a storage of two kinds": (
        _zip({"a": tensor(Storage("0", 2), 2), "b": tensor(Storage("0", 1, torch.DoubleStorage), 1)}, _FEW),
        "contradicts itself about a storage",
    ),
    "a legacy storage of a terabyte": (
        lambda path, _: legacy(path, program({"a": tensor(Storage("1", TERA, part=None), 2)}), ["1"], floats(1, 2)),
        "values are missing at its end",
    ),
    "a legacy file without its values": (_missing_values, "it does not say which values it holds"),
    "a part of a storage in two sizes": (_view_under_two_sizes, "contradicts itself about a storage"),
    "ordered dicts copied for ever": (_zip([Call(OrderedDict, _PAIRS) for _ in range(20_000)]), _LARGER),
    "sets copied for ever": (_zip([Call(set, _MANY) for _ in range(20_000)]), "holds one list, not a state dict"),
    "counters copied for ever": (_zip([Call(Counter, _COUNTED) for _ in range(20_000)]), "holds one list"),
    "arrays of a terabyte": (
        _zip([Call(numpy.ndarray, (TERA,)), Call(numpy.zeros, TERA)]),
        "would run code (numpy.zeros)",
    ),
    "an array that says it has a terabyte": (_zip({"a": Call(numpy.ndarray, (TERA,))}), "holds no network, but other"),
    "a text encoded for ever": (_zip([Call(codecs.encode, _TEXT, "latin1") for _ in range(20_000)]), _LARGER),
    "a range of a terabyte": (_zip({"a": range(TERA), "b": {range(TERA): 1}}), "neither names nor numbers"),
    "values in a plain pickle, used for ever": (_plain(*[_VALUES] * 20_000), _LARGER),
    "values in a plain pickle that are not there": (_plain(_VALUES[:-4]), "values are missing at its end"),
    "values in a plain pickle of another number": (
        _plain(_VALUES[:-16] + struct.pack("<q", 3) + _VALUES[-8:]),
        "contradicts itself about the number of its values",
    ),
    "a plain pickle within a plain pickle": (
        _plain(pickle.dumps(Call(torch.storage._load_from_bytes, _VALUES))),
        "calls torch.storage._load_from_bytes as nobody does",
    ),
    "a program within a plain pickle": (_plain(pickle.dumps(Call(exec, "1"))), "would run code (builtins.exec)"),
    "a plain pickle that refers to what it has not": (
        lambda path, _: path.write_bytes(program({"a": tensor(Storage("0", 2), 2)})),
        "it does not hold the values that it refers to",
    ),
    "a key that takes for ever to hash": (
        _raw(b"\x80\x02}K\x01" + b"q\0h\0\x86" * 64 + b"K\x01s."),
        "keys that are neither names nor numbers",
    ),
    "keys that all collide": (
        _zip({number * ((1 << 61) - 1): None for number in range(1, 99)}),
        "keys that are neither names nor numbers",
    ),
    "dicts nested a hundred thousand deep": (_raw(_nested(100_000)), "holds no network, but other things (a)"),
    "a dict within itself": (saved(lambda *_: _ITSELF), "holds no network, but other things (a)"),
    "a text of four gigabytes": (_raw(b"\x80\x02}X\xff\xff\xff\xffabc"), "is damaged or incomplete"),
    "bytes beyond numbers": (_raw(b"\x80\x04\x8e" + b"\xff" * 8 + b"abc."), "is damaged or incomplete"),
    "a pickle that never stops": (_raw(b"\x80\x02}"), "is damaged or incomplete"),
    "a pickle of nothing": (_raw(b"\x80\x02."), "is damaged or incomplete"),
    "a pickle that takes what is not there": (_raw(b"\x80\x02}ss."), "is damaged or incomplete"),
    "a zip bomb": (_compressed, "its records are compressed, which PyTorch never does"),
    "a record that claims a terabyte": (_lying(compressed=True), "its records claim to be larger than the file"),
    "a record that claims to unpack to a terabyte": (_lying(compressed=False), "records claim to be larger"),
    "records that overlap": (_overlapping, "its records claim to be larger than the file"),
    "a file behind a file": (_behind, "its end contradicts itself"),
    "a header of a petabyte": (_safetensors(b"{", claim=1 << 50), "is not a checkpoint"),
    "a header of 50 MB that is not there": (_safetensors(b"{}", claim=50 << 20), "its header claims to have"),
    "a header longer than the file": (_safetensors(b"{}", claim=9999), "is damaged or incomplete"),
    "a header that is no JSON": (_safetensors(b"{" + b"[" * 5000), "is damaged or incomplete"),
    "a safetensors shape of a terabyte": (_safetensors({"a": _float(TERA)}), "is damaged or incomplete"),
    "a safetensors shape that overflows": (
        _safetensors({"a": _float(1 << 62, 4, end=0)}, b""),
        "is damaged or incomplete",
    ),
    "a negative safetensors shape": (_safetensors({"a": _float(-2)}), "is damaged or incomplete"),
    "safetensors that overlap": (_safetensors({"a": _float(2), "b": _float(2)}), "is damaged or incomplete"),
    "safetensors with a hole": (_safetensors({"a": _float(1, begin=4, end=8)}), "is damaged or incomplete"),
    "safetensors behind the end": (_safetensors({"a": _float(2, begin=80, end=88)}), "is damaged or incomplete"),
    "safetensors of an unknown kind": (
        _safetensors({"a": {**_float(2), "dtype": "F33"}}),
        "is damaged or incomplete",
    ),
}
