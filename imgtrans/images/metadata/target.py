"""What of EXIF depends on the file that it goes into: how its samples lie, and descriptions that programs read."""

from dataclasses import dataclass

from imgtrans.images.metadata.descriptions import true_description
from imgtrans.images.metadata.directories import MAIN, Field, of_numbers
from imgtrans.images.metadata.exif import byte_order, cleaned, values

_BITS_PER_SAMPLE, _PHOTOMETRIC, _SAMPLES_PER_PIXEL, _DESCRIPTION = 258, 262, 277, 270
_BLACK_IS_ZERO, _RGB, _YCBCR = 1, 2, 6
_SHORT = 3


@dataclass(frozen=True)
class Target:
    """A file that metadata goes into.

    Attributes:
        read: Pillow's name of the format that the picture had.
        format: Pillow's name of the file's.
        mode: Of the pixels: L, LA, RGB or RGBA.
        bits: Of each sample.
        size: Width and height.
        pages: How many frames or pages it has.
    """

    read: str
    format: str
    mode: str
    bits: int
    size: tuple[int, int]
    pages: int = 1

    @property
    def is_gray(self) -> bool:
        """Whether it has no colours."""
        return self.mode in ("L", "LA")


def exif_for(block: bytes, target: Target) -> bytes:
    """Return an EXIF block that says of a file what is true of it, b"" if there is none.

    Raises:
        KeyError, ValueError, struct.error: If it is malformed.
    """
    if not block:
        return b""
    order, own = byte_order(block), values(block)[MAIN]
    samples = len(target.mode)
    now = {
        _BITS_PER_SAMPLE: (target.bits,) * samples,
        _SAMPLES_PER_PIXEL: (samples,),
        _PHOTOMETRIC: (_BLACK_IS_ZERO,) if target.is_gray else (_RGB,),
    }
    changes: dict[int, Field | None] = {}
    for tag, numbers in now.items():
        before = own[tag].numbers(order) if tag in own else numbers
        if tag == _PHOTOMETRIC and before == (_YCBCR,) and target.format == "JPEG" and not target.is_gray:
            continue
        if before != numbers:
            changes[tag] = of_numbers(_SHORT, numbers, order)
    if field := own.get(_DESCRIPTION):
        text = true_description(field.data, target.size, samples, target.bits, target.pages)
        if text != field.data:
            changes[_DESCRIPTION] = Field(field.kind, len(text), text) if text else None
    return cleaned(block, {MAIN: changes}) if changes else block
