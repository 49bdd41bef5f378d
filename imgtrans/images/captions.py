"""What is written about a picture beside EXIF and XMP: comments, the texts of a PNG, and IPTC."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from PIL import Image, JpegImagePlugin, PngImagePlugin, TiffImagePlugin

TIFF_IPTC = 33723
_IPTC = 0x0404  # among the resources of a JPEG's APP13
_IPTC_START = b"\x1c"  # of each of its records
_MOST_OF_A_SEGMENT = 65533
_APP13, _PHOTOSHOP, _RESOURCE = b"\xff\xed", b"Photoshop 3.0\0", b"8BIM"
# Texts that are carried in another way, or say of the file what is not true of the translation
_OTHERWISE = ("XML:com.adobe.xmp", "Raw profile type ", "icc:", "exif:", "tiff:", "png:")

Text = tuple[str, str, str | None, str | None]


@dataclass(frozen=True)
class Captions:
    """What stands in a picture's file for people to read.

    Attributes:
        comment: Of a JPEG or GIF, in any encoding.
        texts: Of a PNG: keyword, text, language and translated keyword; no language where there is no room for one.
        iptc: Records of IPTC-IIM, as agencies write them.
    """

    comment: bytes = b""
    texts: tuple[Text, ...] = ()
    iptc: bytes = b""


NONE = Captions()


def carried_captions(image: Image.Image) -> Captions:
    """Return a loaded picture's captions; what is malformed is left out."""
    comment = image.info.get("comment") if image.format in ("JPEG", "MPO", "GIF") else None
    texts = image.text if isinstance(image, PngImagePlugin.PngImageFile) else {}
    return Captions(
        comment=comment if isinstance(comment, bytes) else b"",
        texts=tuple(
            (key, str(text), _plain(text, "lang"), _plain(text, "tkey"))
            for key, text in texts.items()
            if isinstance(text, str) and not key.startswith(_OTHERWISE)
        ),
        iptc=_iptc(image),
    )


def png_texts(texts: Iterable[Text], xmp: bytes) -> PngImagePlugin.PngInfo:
    """Return texts and XMP as Pillow writes them into a PNG."""
    info = PngImagePlugin.PngInfo()
    for key, text, language, translated in texts:
        if language is None:
            info.add_text(key, text)
        else:
            info.add_itxt(key, text, language, translated or "")
    if xmp:
        info.add_itxt("XML:com.adobe.xmp", xmp.decode())
    return info


def jpeg_segment(iptc: bytes) -> bytes:
    """Return the segment of a JPEG that holds IPTC; b"" if it is too long for one."""
    block = _PHOTOSHOP + _RESOURCE + struct.pack(">HxxI", _IPTC, len(iptc)) + iptc + bytes(len(iptc) % 2)
    if len(block) > _MOST_OF_A_SEGMENT:
        return b""
    return _APP13 + struct.pack(">H", len(block) + 2) + block


def _plain(text: str, name: str) -> str | None:
    """Return what a text of PNG says of its language; Pillow gives it as bytes or not at all."""
    value = getattr(text, name, None)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _iptc(image: Image.Image) -> bytes:
    value: object = b""
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        resources = image.info.get("photoshop")
        value = resources.get(_IPTC) if isinstance(resources, dict) else b""
    elif isinstance(image, TiffImagePlugin.TiffImageFile):
        # Its bytes as they lie in the file: many say that they are numbers, of which Pillow would give the first.
        value = getattr(image.tag_v2, "_tagdata", {}).get(TIFF_IPTC)
    return value if isinstance(value, bytes) and value.startswith(_IPTC_START) else b""
