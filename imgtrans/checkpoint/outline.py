"""What a PyTorch pickle would build, found out without building it.

PyTorch's safe unpickler runs no code, but it does what a pickle says, and a few bytes can say: make a tensor of
a terabyte, copy a list a million times, hash something for ever. Here the same instructions are followed with
plain containers and descriptions of tensors, so that ``torch.load`` is given only what has bytes in the file.
"""

import io
import pickletools
from typing import Any

from imgtrans.checkpoint.meaning import Meaning, Name, Ordered, key, named

_MOST_INSTRUCTIONS = 5_000_000  # about 45 describe a tensor
_SAFE_PROTOCOL = 2  # what torch.save writes; its safe unpickler does not know the instructions of later ones


class Outline:
    """Follows the pickles of one file, one after the other.

    Attributes:
        meaning: What they refer to.
        protocol: The highest pickle protocol whose instructions they use.
    """

    def __init__(self, file: io.BytesIO) -> None:
        self._file = file
        self._steps = 0
        self.meaning = Meaning(len(file.getbuffer()))
        self.protocol = 0

    @property
    def is_newer(self) -> bool:
        """Whether ``torch.load`` cannot follow these pickles, because they are of a newer kind."""
        return self.protocol > _SAFE_PROTOCOL

    def read(self) -> Any:
        """Follow the next pickle; return the containers it builds, with descriptions in place of tensors.

        Raises:
            UnknownNameError: If it names what is no part of weights.
            Exception: Anything, if it is malformed or asks for too much.
        """
        stack: list[Any] = []
        marked: list[list[Any]] = []
        memo: dict[int, Any] = {}
        argument: Any
        for opcode, argument, _ in pickletools.genops(self._file):
            self._steps += 1
            self.protocol = max(self.protocol, opcode.proto)
            if self._steps > _MOST_INSTRUCTIONS:
                raise ValueError("its pickle has more instructions than any network needs")
            match opcode.name:
                case "PROTO" | "FRAME":
                    pass
                case "STOP":
                    return stack.pop()
                case "MARK":
                    marked.append(stack)
                    stack = []
                case "BINPUT" | "LONG_BINPUT":
                    memo[argument] = stack[-1]
                case "MEMOIZE":
                    memo[len(memo)] = stack[-1]
                case "BINGET" | "LONG_BINGET":
                    stack.append(memo[argument])
                case "BININT" | "BININT1" | "BININT2" | "BINFLOAT" | "LONG1" | "BINUNICODE" | "SHORT_BINUNICODE":
                    stack.append(argument)
                case "SHORT_BINSTRING":  # text of Python 2
                    stack.append(argument.encode("latin-1").decode())
                case "NONE":
                    stack.append(None)
                case "NEWTRUE" | "NEWFALSE":
                    stack.append(opcode.name == "NEWTRUE")
                case "EMPTY_DICT":
                    stack.append({})
                case "EMPTY_LIST":
                    stack.append([])
                case "EMPTY_TUPLE":
                    stack.append(())
                case "TUPLE1" | "TUPLE2" | "TUPLE3":
                    items = [stack.pop() for _ in range(int(opcode.name[-1]))]
                    stack.append(tuple(reversed(items)))
                case "TUPLE":
                    items, stack = stack, marked.pop()
                    stack.append(tuple(items))
                case "APPEND":
                    item = stack.pop()
                    _list(stack[-1]).append(item)
                case "APPENDS":
                    items, stack = stack, marked.pop()
                    _list(stack[-1]).extend(items)
                case "SETITEM":
                    value, name = stack.pop(), stack.pop()
                    _dict(stack[-1])[key(name)] = value
                case "SETITEMS":
                    items, stack = stack, marked.pop()
                    target = _dict(stack[-1])
                    for name, value in zip(items[::2], items[1::2], strict=True):
                        target[key(name)] = value
                case "GLOBAL":
                    stack.append(named(argument.replace(" ", ".")))
                case "STACK_GLOBAL":
                    name, module = stack.pop(), stack.pop()
                    stack.append(named(f"{module}.{name}"))
                case "BUILD":
                    state = stack.pop()
                    if not isinstance(stack[-1], Ordered):
                        raise TypeError("its pickle gives attributes to what has none")
                    self.meaning.copied(_dict(state))
                case "BINPERSID":
                    stack.append(self.meaning.storage(stack.pop()))
                case "REDUCE":
                    arguments, called = stack.pop(), stack.pop()
                    stack.append(self.meaning.call(_called(called), arguments))
                case _:
                    raise ValueError(f"its pickle has an instruction {opcode.name}, which weights do without")
        raise EOFError("its pickle breaks off")


def _list(target: object) -> list[Any]:
    if type(target) is not list:
        raise TypeError("its pickle appends to what is no list")
    return target


def _dict(target: object) -> dict[Any, Any]:
    if not isinstance(target, dict):
        raise TypeError("its pickle sets items of what is no dict")
    return target


def _called(target: object) -> str:
    if not isinstance(target, Name):
        raise TypeError("its pickle calls what cannot be called")
    return target.name
