"""TGA: whether the fourth byte of a pixel means anything."""

from pathlib import Path

_DESCRIPTOR_AT = 17
_ATTRIBUTE_BITS = 0x0F


def has_attributes(path: Path) -> bool:
    """Whether a file says that its pixels have bits for attributes, which is where alpha is; otherwise it is anything.

    Raises:
        OSError: If the file cannot be read.
    """
    with path.open("rb") as file:
        return bool(file.read(_DESCRIPTOR_AT + 1)[_DESCRIPTOR_AT] & _ATTRIBUTE_BITS)
