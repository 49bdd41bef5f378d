"""What a pickle would build, found out without building it.

An unpickler does what a pickle says, and a few bytes can say: run this, make a tensor of a terabyte, copy a list a
million times, hash something for ever. Here the same instructions are followed with plain containers and descriptions
of tensors, nothing is ever called, and only what has bytes in the file is made into tensors afterwards.
"""

import io
import pickletools
from collections.abc import Callable
from typing import Any

from imgtrans.checkpoint.company import Ordered, Other
from imgtrans.checkpoint.meaning import Meaning, Name, Storage, key, named

_MOST_INSTRUCTIONS = 5_000_000  # about 45 describe a tensor


class Outline:
    """Follows the pickles of one file, one after the other.

    Args:
        file: The file, or as much of it as they take.
        embedded: See :class:`.meaning.Meaning`.

    Attributes:
        meaning: What they refer to.
    """

    def __init__(self, file: io.BytesIO, embedded: Callable[[bytes], Storage] | None = None) -> None:
        self._file = file
        self._steps = 0
        self.meaning = Meaning(len(file.getbuffer()), embedded)

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
                case "BININT" | "BININT1" | "BININT2" | "BINFLOAT" | "LONG1":
                    stack.append(argument)
                case "BINUNICODE" | "SHORT_BINUNICODE" | "BINUNICODE8":
                    stack.append(argument)
                case "BINBYTES" | "SHORT_BINBYTES" | "BINBYTES8" | "BYTEARRAY8":
                    stack.append(argument)
                case "SHORT_BINSTRING" | "BINSTRING":  # text or bytes of Python 2
                    stack.append(argument.encode("latin-1").decode("utf-8", "surrogateescape"))
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
                case "EMPTY_SET":
                    stack.append([])  # the same, for what is never looked into
                case "FROZENSET":
                    stack = marked.pop()
                    stack.append(Other())
                case "TUPLE1" | "TUPLE2" | "TUPLE3":
                    items = [stack.pop() for _ in range(int(opcode.name[-1]))]
                    stack.append(tuple(reversed(items)))
                case "TUPLE":
                    items, stack = stack, marked.pop()
                    stack.append(tuple(items))
                case "APPEND":
                    item = stack.pop()
                    _list(stack[-1]).append(item)
                case "APPENDS" | "ADDITEMS":
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
                    stack.pop()  # attributes, which are nothing to us
                    if not isinstance(stack[-1], Ordered | Other):
                        raise TypeError("its pickle gives attributes to what has none")
                case "BINPERSID":
                    stack.append(self.meaning.storage(stack.pop()))
                case "REDUCE" | "NEWOBJ":
                    arguments, called = stack.pop(), stack.pop()
                    stack.append(self.meaning.call(_called(called), arguments))
                case "NEWOBJ_EX":
                    _, arguments, called = stack.pop(), stack.pop(), stack.pop()
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
