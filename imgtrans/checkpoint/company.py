"""Types that stand beside weights in files and are harmless there: what a pickle says of them becomes plain data.

None of them is ever imported or called. They are listed, though anything could be treated so, because a file that
names what runs programs or opens files was made to do harm, and is better refused whole.
"""

import re

_NUMPY = re.compile(
    r"numpy\._?core\.(?:multiarray\.(?:scalar|_reconstruct)|numeric\._frombuffer)|numpy\.(?:ndarray|dtype)"
    r"|numpy\.(?:bool|(?:float|u?int|complex|str|bytes|object)\d*)_?"
)
_PATH = re.compile(r"pathlib\.(?:_local\.)?(?:Pure)?(?:Posix|Windows)?Path")
_VALUES = frozenset(
    {
        *(
            f"builtins.{name}"
            for name in ("bool", "bytearray", "bytes", "complex", "float", "int", "range", "slice", "str", "tuple")
        ),
        *(f"builtins.{name}" for name in ("dict", "frozenset", "list", "set")),
        *(f"builtins.{name}" for name in ("long", "unicode", "xrange")),  # what protocol 2 calls some of them
        *(f"datetime.{name}" for name in ("date", "datetime", "time", "timedelta", "timezone")),
        "argparse.Namespace",
        "collections.Counter",
        "decimal.Decimal",
        "fractions.Fraction",
        "torch.device",
        "types.SimpleNamespace",
        "uuid.UUID",
    }
)
_DICTS = frozenset(
    {
        "addict.addict.Dict",
        "collections.defaultdict",
        "easydict.EasyDict",
        "lightning.fabric.utilities.data.AttributeDict",
        "lightning_fabric.utilities.data.AttributeDict",
        "munch.Munch",
        "pytorch_lightning.utilities.parsing.AttributeDict",
        "yacs.config.CfgNode",
    }
)
_LISTS = frozenset({"collections.deque"})


class Ordered(dict[object, object]):
    """A dict of a kind that unlike others may be given attributes."""


class Other:
    """A value that is no part of a network."""


def company(name: str) -> type | None:
    """Return what an object of the type, or a result of the function, of this name becomes; None if it is unknown."""
    if name in _DICTS:
        return Ordered
    if name in _LISTS:
        return list
    return Other if name in _VALUES or _NUMPY.fullmatch(name) or _PATH.fullmatch(name) else None
