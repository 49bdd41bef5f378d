"""What the names in a PyTorch pickle stand for: descriptions of tensors instead of tensors."""

import math
import re
from collections.abc import Sized
from dataclasses import dataclass
from typing import Any, TypeVar

_BITS = {
    "Double": ("float64", 64),
    "Float": ("float32", 32),
    "Half": ("float16", 16),
    "BFloat16": ("bfloat16", 16),
    "Long": ("int64", 64),
    "Int": ("int32", 32),
    "Short": ("int16", 16),
    "Char": ("int8", 8),
    "Byte": ("uint8", 8),
    "Bool": ("bool", 8),
    "ComplexFloat": ("complex64", 64),
    "ComplexDouble": ("complex128", 128),
    "QInt8": ("qint8", 8),
    "QUInt8": ("quint8", 8),
    "QInt32": ("qint32", 32),
    "Untyped": ("uint8", 8),
}
_STORAGE = re.compile(rf"torch\.(?:cuda\.|storage\.)?({'|'.join(_BITS)})Storage")
_DTYPE = re.compile(r"torch\.(?:b?float|u?int|complex|bool)(\d*)(?:_e\d+m\d+\w*)?")
_QUANTISED = re.compile(r"torch\.per_(?:tensor|channel)_\w+")
_CALLED = {
    "collections.OrderedDict",
    "collections.Counter",
    "builtins.set",
    "_codecs.encode",
    "torch.Size",
    "torch.device",
    "torch.serialization._get_layout",
    "torch._utils._rebuild_tensor",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_tensor_v3",
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_sparse_tensor",
    "torch._utils._rebuild_meta_tensor_no_storage",
    "torch._utils._rebuild_qtensor",
}
_MOST_ARGUMENTS, _MOST_DIMENSIONS = 10, 16
_LARGEST_KEY = 1 << 60  # larger numbers can be chosen so that a dict of them takes for ever
_ABSENT = "without all its values"

_Items = TypeVar("_Items", bound=Sized)


@dataclass(frozen=True, eq=False)
class TensorInfo:
    """A tensor of a file, described.

    Attributes:
        kind: Its dtype (``float32``), or what it is instead of a plain tensor (``sparse_coo``).
        shape: Its shape; () for what is no plain tensor.
        complete: Whether the file has a value of its own for each of its elements.
    """

    kind: str
    shape: tuple[int, ...] = ()
    complete: bool = True


@dataclass(frozen=True, eq=False)
class Storage:
    """Numbers that tensors of a file are views of: ``count`` of ``width`` bytes each."""

    kind: str
    width: int
    count: int


@dataclass(frozen=True)
class Name:
    """A class or function that a pickle names."""

    name: str


class Ordered(dict[Any, Any]):
    """An OrderedDict, which unlike other dicts may be given attributes."""


class Other:
    """A value that is no part of a network."""


class UnknownNameError(Exception):
    """A pickle names what is no part of weights; unpickled, that could run any code."""


def named(name: str) -> Name:
    """Return the class or function of a name.

    Raises:
        UnknownNameError: If it is none of those that weights are made of.
    """
    name = re.sub(r"^__builtin__\.", "builtins.", name)  # as Python 2 and protocol 2 call it
    if name in _CALLED or any(kind.fullmatch(name) for kind in (_STORAGE, _DTYPE, _QUANTISED)):
        return Name(name)
    raise UnknownNameError(name)


def key(value: object) -> object:
    """Return a key of a dict, if it is one that is quickly hashed and compared.

    Raises:
        TypeError: If it is none.
    """
    if value is None or type(value) in (str, bytes, bool) or (type(value) is int and abs(value) < _LARGEST_KEY):
        return value
    raise TypeError("its pickle has a dict with keys that are neither names nor numbers")


class Meaning:
    """Follows the calls and references of one file.

    Args:
        size: The bytes of its pickles. Whatever an honest one has copied has stood in it once.

    Attributes:
        storages: The storages that are referred to, by their keys in the file.
        tensors: How many tensors there are.
        strange: What there is that is no plain tensor, such as ``sparse_coo``.
    """

    def __init__(self, size: int) -> None:
        self._may_copy = size
        self._parts: dict[str, tuple[str, int, int]] = {}
        self.storages: dict[str, Storage] = {}
        self.tensors = 0
        self.strange: set[str] = set()

    def copied(self, items: _Items) -> _Items:
        """Return items that are about to be copied.

        Raises:
            ValueError: If the same few bytes have been copied so often that it must be on purpose.
        """
        self._may_copy -= len(items)
        if self._may_copy < 0:
            raise ValueError("its pickle copies the same values again and again")
        return items

    def storage(self, reference: tuple[Any, ...]) -> Storage:
        """Return the storage, or the part of one, that a pickle refers to.

        Raises:
            ValueError: If there can be no such storage.
        """
        match reference:
            case ("storage", Name(name), str(at), _, count, *views) if match_ := _STORAGE.fullmatch(name):
                kind, bits = _BITS[match_[1]]
                _check_counts(count)
                storage = self.storages.setdefault(at, Storage(kind, bits // 8, count))
                if (storage.kind, storage.count) != (kind, count) or at in self._parts:
                    raise ValueError("its pickle contradicts itself about a storage")
                if views in ([], [None]):
                    return storage
                under, offset, part = views[0]  # a part, as PyTorch 0.3 wrote them
                _check_counts(offset, part)
                if type(under) is str and under not in self.storages and offset + part <= count:
                    if self._parts.setdefault(under, (at, offset, part)) != (at, offset, part):
                        raise ValueError("its pickle contradicts itself about a storage")
                    return Storage(kind, bits // 8, part)
        raise ValueError("its pickle refers to a storage that cannot be")

    def call(self, name: str, arguments: tuple[Any, ...]) -> object:
        """Return what a call would return, described.

        Raises:
            ValueError: If nobody who saves weights would call it so.
        """
        if len(arguments) > _MOST_ARGUMENTS:
            arguments = (None,)
        match name.removeprefix("torch._utils."), arguments:
            case "collections.OrderedDict", ():
                return Ordered()
            case "collections.OrderedDict", (list(pairs),):  # as Python 2 wrote it
                return Ordered({key(first): second for first, second in self.copied(pairs)})
            case "_rebuild_tensor" | "_rebuild_tensor_v2", (Storage() as storage, offset, shape, stride, *_):
                return self._tensor(storage, storage.kind, storage.width, offset, shape, stride)
            case "_rebuild_tensor_v3", (Storage() as storage, offset, shape, stride, _, _, Name(dtype), *_):
                bits = match_[1] if (match_ := _DTYPE.fullmatch(dtype)) else ""
                kind = dtype.removeprefix("torch.")
                return self._tensor(storage, kind, max(1, int(bits or 8) // 8), offset, shape, stride)
            case "_rebuild_parameter", (TensorInfo() as tensor, *_):
                return tensor
            case "_rebuild_sparse_tensor", (str(layout), *_):
                return self._strange(TensorInfo(layout.removeprefix("torch.")))
            case "_rebuild_meta_tensor_no_storage", _:
                return self._strange(TensorInfo(_ABSENT))
            case "_rebuild_qtensor", _:
                return self._strange(TensorInfo("quantised"))
            case "torch.serialization._get_layout", (str(layout),):
                return layout
            case "torch.Size", (tuple(shape),):
                return self.copied(shape)
            case "_codecs.encode", (str(text), "latin1"):
                return self.copied(text).encode("latin1")
            case "collections.Counter", (dict(items),):
                self.copied(items)
                return Other()
            case "builtins.set", (list(items),):
                for item in self.copied(items):
                    key(item)
                return Other()
            case "torch.device", (str(), *_):
                return Other()
        raise ValueError(f"its pickle calls {name} as nobody does who saves weights")

    def _tensor(self, storage: Storage, kind: str, width: int, offset: int, shape: Any, stride: Any) -> TensorInfo:
        if len(shape) != len(stride) or len(shape) > _MOST_DIMENSIONS:
            raise ValueError("it has a tensor of a shape that cannot be")
        _check_counts(offset, *shape, *stride)
        elements, there = math.prod(shape), storage.count * storage.width
        last = offset + sum((size - 1) * step for size, step in zip(shape, stride, strict=True))
        if elements and (last + 1) * width > there:  # PyTorch would take memory for the rest
            raise ValueError("it has a tensor that is larger than its values")
        self.tensors += 1
        return TensorInfo(kind, tuple(shape), elements * width <= there)

    def _strange(self, tensor: TensorInfo) -> TensorInfo:
        self.tensors += 1
        self.strange.add(tensor.kind)
        return tensor


def _check_counts(*numbers: object) -> None:
    if not all(type(number) is int and 0 <= number < 1 << 62 for number in numbers):
        raise ValueError("it has a tensor of a shape that cannot be")
