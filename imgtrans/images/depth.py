"""Which formats are written with 16 bits a channel, and whether what that takes is installed."""

from importlib.util import find_spec

DEEP_FORMATS = ("PNG", "TIFF")
INSTALL = 'pip install "imgtrans[depth]"'


def is_installed() -> bool:
    """Whether pictures of 16 bits a channel can be read and written here."""
    return find_spec("imagecodecs") is not None and find_spec("tifffile") is not None
