"""HEIC and HEIF, which Pillow reads and writes once pillow-heif is installed."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

NAME = "HEIF"
SUFFIXES = (".heic", ".heif", ".hif")
# The kinds of ISO media files that are pictures coded as HEVC, or any that pillow-heif may know how to decode
_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
INSTALL = 'pip install "imgtrans[heic]"'


def is_heif(header: bytes) -> bool:
    """Whether a file's first bytes are those of a HEIF."""
    return header[4:8] == b"ftyp" and header[8:12] in _BRANDS


def is_installed() -> bool:
    """Whether HEIF can be read here."""
    return find_spec("pillow_heif") is not None


@cache
def register() -> None:
    """Make HEIF one of Pillow's formats, if it can be read here."""
    if is_installed():
        import pillow_heif  # noqa: PLC0415 - a tenth of a second that only these pictures cost

        pillow_heif.register_heif_opener()


def why(path: Path) -> str:
    """Return the sentence that says why HEIF is not read where it cannot be."""
    return f"{path} is a HEIC, which can be read once pillow-heif is installed: {INSTALL}."
