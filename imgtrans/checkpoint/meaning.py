"""What the names in a PyTorch pickle stand for: descriptions of tensors instead of tensors."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from imgtrans.checkpoint.company import Ordered, company

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
    "_codecs.encode",
    "torch.Size",
    "torch.serialization._get_layout",
    "torch.storage._load_from_bytes",
    "torch._utils._rebuild_tensor",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_tensor_v3",
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_parameter_with_state",
    "torch._utils._rebuild_sparse_tensor",
    "torch._utils._rebuild_meta_tensor_no_storage",
    "torch._utils._rebuild_qtensor",
}
_MOST_ARGUMENTS, _MOST_DIMENSIONS = 10, 16
_MOST_COPIED = 1_000_000  # items of dicts that are made from lists; no honest file has a tenth of them
_LARGEST_KEY = 1 << 60  # larger numbers can be chosen so that a dict of them takes for ever
_ABSENT = "without all its values"


@dataclass(frozen=True, eq=False)
class TensorInfo:
    """A tensor of a file, described.

    Attributes:
        kind: Its dtype (``float32``), or what it is instead of a plain tensor (``sparse_coo``).
        shape: Its shape; () for what is no plain tensor.
        complete: Whether the file has a value of its own for each of its elements.
        at: The key of the storage that it is a view of.
        first: Which of the storage's elements is its first.
        stride: Its strides, in elements.
    """

    kind: str
    shape: tuple[int, ...] = ()
    complete: bool = True
    at: str = ""
    first: int = 0
    stride: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Storage:
    """Numbers that tensors of a file are views of: ``count`` of ``width`` bytes each, from the ``first`` of a key's."""

    kind: str
    width: int
    count: int
    at: str = ""
    first: int = 0


@dataclass(frozen=True)
class Name:
    """A class or function that a pickle names."""

    name: str


class UnknownNameError(Exception):
    """A pickle names what is no part of weights; unpickled, that could run any code."""


def named(name: str) -> Name:
    """Return the class or function of a name.

    Raises:
        UnknownNameError: If it is none of those that weights are made of.
    """
    name = re.sub(r"^__builtin__\.", "builtins.", name)  # as Python 2 and protocol 2 call it
    if name in _CALLED or any(kind.fullmatch(name) for kind in (_STORAGE, _DTYPE, _QUANTISED)) or company(name):
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
        size: The bytes of its pickles. Whatever an honest one has encoded or embedded has stood in it once.
        embedded: Returns the storage that stands in bytes of their own, as plain ``pickle`` writes tensors;
            None if there can be none.

    Attributes:
        storages: The storages that are referred to, by their keys in the file.
        tensors: How many tensors there are.
    """

    def __init__(self, size: int, embedded: Callable[[bytes], Storage] | None = None) -> None:
        self._may_encode, self._may_copy = 2 * size, _MOST_COPIED  # protocol 2 encodes what it embeds
        self._embedded = embedded
        self._parts: dict[str, tuple[str, int, int]] = {}
        self.storages: dict[str, Storage] = {}
        self.tensors = 0

    def storage(self, reference: tuple[Any, ...]) -> Storage:
        """Return the storage, or the part of one, that a pickle refers to.

        Raises:
            ValueError: If there can be no such storage.
        """
        match reference:
            case ("storage", Name(name), str(at), _, count, *views) if match_ := _STORAGE.fullmatch(name):
                kind, bits = _BITS[match_[1]]
                _check_counts(count)
                storage = self.storages.setdefault(at, Storage(kind, bits // 8, count, at))
                if (storage.kind, storage.count) != (kind, count) or at in self._parts:
                    raise ValueError("its pickle contradicts itself about a storage")
                if views in ([], [None]):
                    return storage
                under, offset, part = views[0]  # a part, as PyTorch 0.3 wrote them
                _check_counts(offset, part)
                if type(under) is str and under not in self.storages and offset + part <= count:
                    if self._parts.setdefault(under, (at, offset, part)) != (at, offset, part):
                        raise ValueError("its pickle contradicts itself about a storage")
                    return Storage(kind, bits // 8, part, at, offset)
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
                self._may_copy -= len(pairs)
                self._check_budgets()
                return Ordered({key(first): second for first, second in pairs})
            case "_rebuild_tensor" | "_rebuild_tensor_v2", (Storage() as storage, offset, shape, stride, *more):
                self.tensors += 1
                if len(more) > 2 and more[2]:  # a view that is to be negated or conjugated
                    return TensorInfo("a view of other values")
                return _tensor(storage, storage.kind, storage.width, offset, shape, stride)
            case "_rebuild_tensor_v3", (Storage() as storage, offset, shape, stride, _, _, Name(dtype), *_):
                self.tensors += 1
                bits = match_[1] if (match_ := _DTYPE.fullmatch(dtype)) else ""
                kind = dtype.removeprefix("torch.")
                return _tensor(storage, kind, max(1, int(bits or 8) // 8), offset, shape, stride)
            case "_rebuild_parameter" | "_rebuild_parameter_with_state", (TensorInfo() as tensor, *_):
                return tensor
            case "_rebuild_sparse_tensor", (str(layout), *_):
                self.tensors += 1
                return TensorInfo(layout.removeprefix("torch."))
            case "_rebuild_meta_tensor_no_storage", _:
                self.tensors += 1
                return TensorInfo(_ABSENT)
            case "_rebuild_qtensor", _:
                self.tensors += 1
                return TensorInfo("quantised")
            case "torch.storage._load_from_bytes", (bytes(values),) if self._embedded:
                self._may_encode -= len(values)
                self._check_budgets()
                return self._embedded(values)
            case "torch.serialization._get_layout", (str(layout),):
                return layout
            case "torch.Size", (tuple(shape),):
                return shape
            case "_codecs.encode", (str(text), "latin1"):
                self._may_encode -= len(text)
                self._check_budgets()
                return text.encode("latin1")
        if (made := company(name)) is not None:
            return made()
        raise ValueError(f"its pickle calls {name} as nobody does who saves weights")

    def _check_budgets(self) -> None:
        if min(self._may_encode, self._may_copy) < 0:
            raise ValueError("its pickle copies the same values again and again")


def _tensor(storage: Storage, kind: str, width: int, offset: int, shape: Any, stride: Any) -> TensorInfo:
    if len(shape) != len(stride) or len(shape) > _MOST_DIMENSIONS or (storage.first and width != storage.width):
        raise ValueError("it has a tensor of a shape that cannot be")
    _check_counts(offset, *shape, *stride)
    elements, there = math.prod(shape), storage.count * storage.width
    last = offset + sum((size - 1) * step for size, step in zip(shape, stride, strict=True))
    if elements and (last + 1) * width > there:  # memory would have to be taken, or made up, for the rest
        raise ValueError("it has a tensor that is larger than its values")
    return TensorInfo(kind, (*shape,), elements * width <= there, storage.at, storage.first + offset, (*stride,))


def _check_counts(*numbers: object) -> None:
    if not all(type(number) is int and 0 <= number < 1 << 62 for number in numbers):
        raise ValueError("it has a tensor of a shape that cannot be")
