"""JPEG 2000: colours of more than 8 bits, whose brightest values Pillow makes black; and the ICC profile of a JP2."""

import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np

from imgtrans.errors import ImageError
from imgtrans.images.depth import INSTALL, is_installed
from imgtrans.images.kinds.boxes import boxes, content, inside
from imgtrans.images.modes import in_range
from imgtrans.protocols import Pixels

_CODESTREAM = b"\xff\x4f\xff\x51"  # start of codestream, then size
_COMPONENTS_AT = 38  # in the segment SIZ, counted from its length
_SIGNED = 0x80
_ENUMERATED, _RESTRICTED_PROFILE, _ANY_PROFILE = 1, 2, 3
_LUMINANCE_AND_CHROMA = 18
_TOP = 65535


def bits(path: Path) -> int:
    """Return how many bits the samples of a picture have, those of its deepest component; 0 if it does not say.

    Raises:
        OSError: If the file cannot be read.
    """
    return max((kind & ~_SIGNED) + 1 for kind in kinds) if (kinds := _components(path)) else 0


def samples(path: Path, size: tuple[int, int]) -> Pixels:
    """Read a picture of more than 8 bits and several components.

    Args:
        path: The file.
        size: (width, height) of the picture.

    Returns:
        (H, W, channels) uint16, 0 to 65535 whatever the file's own bits.

    Raises:
        ImageError: If what that takes is not installed, or it cannot be read with that either.
    """
    what = f"{path} is a JPEG 2000 of {bits(path)} bits"
    if not is_installed():
        raise ImageError(f"{what}, which can be read once imagecodecs is installed: {INSTALL}.")
    with path.open("rb") as file:
        if any(kind & _SIGNED for kind in _components(path)) or _colours(file)[0] == _LUMINANCE_AND_CHROMA:
            raise ImageError(f"{what} in a colour space that is not read at that depth.")
    import imagecodecs  # noqa: PLC0415 - only these pictures cost its import

    try:
        values = np.atleast_3d(imagecodecs.jpeg2k_decode(path.read_bytes()))
    except Exception as error:  # of almost any kind
        raise ImageError(f"{what}, which cannot be decoded: {' '.join(str(error).split()).rstrip('.')}.") from error
    if values.shape[:2] != size[::-1] or values.dtype.kind != "u":
        raise ImageError(f"{what}, which is not read.")
    return in_range(values, bits(path), _TOP).astype(np.uint16)


def profile(path: Path) -> bytes:
    """Return a JP2's ICC profile; b"" if it has none.

    Raises:
        OSError: If the file cannot be read.
    """
    with path.open("rb") as file:
        return _colours(file)[1]


def _colours(file: BinaryIO) -> tuple[int, bytes]:
    """Return the number of a JP2's colour space, 0 if it is none of those with numbers, and its ICC profile."""
    header = next((box for box in boxes(file) if box.name == b"jp2h"), None)
    described = content(file, box) if header and (box := inside(file, header, b"colr")) else b""
    if described[:1] == bytes([_ENUMERATED]) and len(described) >= 7:
        return struct.unpack_from(">I", described, 3)[0], b""
    return 0, described[3:] if described[:1] in (bytes([_RESTRICTED_PROFILE]), bytes([_ANY_PROFILE])) else b""


def _components(path: Path) -> bytes:
    """Return a byte for each component: its bits less one, and whether they have a sign."""
    with path.open("rb") as file:
        start = 0
        if file.read(4) != _CODESTREAM:
            start = next((box.start for box in boxes(file) if box.name == b"jp2c"), 0)
        file.seek(start)
        if file.read(4) != _CODESTREAM:
            return b""
        segment = file.read(_COMPONENTS_AT)
        if len(segment) < _COMPONENTS_AT:
            return b""
        (count,) = struct.unpack_from(">H", segment, _COMPONENTS_AT - 2)
        return file.read(3 * count)[::3]
