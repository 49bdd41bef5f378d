"""Metadata in the texts of a PNG, as ImageMagick puts it there: a length, then hexadecimal."""

from PIL import Image

KEYWORD = "Raw profile type "
_XMP_SEGMENT, _EXIF_SEGMENT = b"http://ns.adobe.com/xap/1.0/\0", b"Exif\0\0"
_APP1 = "APP1"  # a segment as it stood in a JPEG: EXIF or XMP
_DIGITS_A_LINE = 72


def raw_profile(image: Image.Image, kind: str) -> bytes:
    """Return what a PNG holds of a kind (``exif``, ``xmp``, ``iptc``, ``8bim``); b"" for none.

    Raises:
        ValueError: If it is no hexadecimal.
    """
    if (text := image.info.get(KEYWORD + kind)) is not None:
        return _decoded(text)
    segment = _decoded(image.info.get(KEYWORD + _APP1, ""))
    if kind == "exif" and segment.startswith(_EXIF_SEGMENT):
        return segment
    return segment.removeprefix(_XMP_SEGMENT) if kind == "xmp" and segment.startswith(_XMP_SEGMENT) else b""


def as_text(kind: str, content: bytes) -> tuple[str, str]:
    """Return keyword and text that hold a profile of a kind in a PNG."""
    digits = content.hex()
    lines = [digits[at : at + _DIGITS_A_LINE] for at in range(0, len(digits), _DIGITS_A_LINE)]
    return KEYWORD + kind, "\n".join(["", kind, f"{len(content):8}", *lines, ""])


def _decoded(text: object) -> bytes:
    """Decode a profile: an empty line, its name, its length, and lines of hexadecimal."""
    return bytes.fromhex("".join(str(text).split("\n")[3:]))
