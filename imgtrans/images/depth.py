"""Which formats are written with 16 bits a channel, and what that takes, if it is installed."""

import logging
from functools import cache
from importlib.util import find_spec
from typing import Any

DEEP_FORMATS = ("PNG", "TIFF")
INSTALL = 'pip install "imgtrans[depth]"'


def is_installed() -> bool:
    """Whether pictures of 16 bits a channel can be read and written here."""
    return find_spec("imagecodecs") is not None and find_spec("tifffile") is not None


@cache
def tifffile() -> Any:
    """Return the module tifffile, which keeps to itself what it thinks of odd files."""
    import tifffile  # noqa: PLC0415 - only pictures that Pillow cannot read in full cost its import

    logging.getLogger("tifffile").setLevel(logging.CRITICAL + 1)
    return tifffile
