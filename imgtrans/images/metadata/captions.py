"""What is written about a picture beside EXIF and XMP: comments, the texts of a PNG, and IPTC."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, JpegImagePlugin, PngImagePlugin, PsdImagePlugin

from imgtrans.images.metadata.directories import MAIN
from imgtrans.images.metadata.photoshop import iptc_of, iptc_of_segments, jpeg_segments
from imgtrans.images.metadata.pngtext import Text, texts
from imgtrans.images.metadata.rawprofile import KEYWORD, as_text, raw_profile
from imgtrans.images.metadata.tiffpage import is_tiff, page_values

TIFF_IPTC, _TIFF_PHOTOSHOP = 33723, 34377
_COMMENT = b"\xff\xfe"
# Texts that are carried in another way, or say of the file what is not true of the translation
_OTHERWISE = ("XML:com.adobe.xmp", KEYWORD, "icc:", "exif:", "tiff:", "png:")


@dataclass(frozen=True)
class Captions:
    """What stands in a picture's file for people to read.

    Attributes:
        comments: Of a JPEG or GIF, in any encoding.
        texts: Of a PNG: keyword, text, language and translated keyword; no language where there is no room for one.
        iptc: Records of IPTC-IIM, as agencies write them.
    """

    comments: tuple[bytes, ...] = ()
    texts: tuple[Text, ...] = ()
    iptc: bytes = b""


NONE = Captions()


def carried_captions(image: Image.Image, path: Path) -> Captions:
    """Return a loaded picture's captions; what is malformed is left out."""
    try:
        comments, own = _comments(image), _texts(image, path)
    except Exception:  # Pillow and struct raise several kinds on what is malformed
        comments, own = (), ()
    try:
        return Captions(comments, own, _iptc(image, path))
    except Exception:  # as above
        return Captions(comments, own)


def png_texts(texts: Iterable[Text], xmp: bytes, iptc: bytes = b"") -> PngImagePlugin.PngInfo:
    """Return texts, XMP and IPTC as Pillow writes them into a PNG."""
    info = PngImagePlugin.PngInfo()
    for key, text, language, translated in texts:
        if language is None:
            info.add_text(key, text)
        else:
            info.add_itxt(key, text, language, translated or "")
    if iptc:
        info.add_text(*as_text("iptc", iptc), zip=True)
    if xmp:
        info.add_itxt("XML:com.adobe.xmp", xmp.decode())
    return info


def jpeg_captions(comments: Iterable[bytes], iptc: bytes) -> bytes:
    """Return the segments of a JPEG that hold comments and IPTC.

    Raises:
        struct.error: If a comment is too long for one.
    """
    written = [_COMMENT + struct.pack(">H", len(comment) + 2) + comment for comment in comments]
    return b"".join(written) + (jpeg_segments(iptc) if iptc else b"")


def _comments(image: Image.Image) -> tuple[bytes, ...]:
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        return tuple(content for name, content in image.applist if name == "COM" and content)
    comment = image.info.get("comment") if image.format == "GIF" else None
    return (comment,) if isinstance(comment, bytes) and comment else ()


def _texts(image: Image.Image, path: Path) -> tuple[Text, ...]:
    is_png = isinstance(image, PngImagePlugin.PngImageFile)
    return tuple(text for text in texts(path) if not text[0].startswith(_OTHERWISE)) if is_png else ()


def _iptc(image: Image.Image, path: Path) -> bytes:
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        return iptc_of_segments([content for name, content in image.applist if name == "APP13"])
    if isinstance(image, PngImagePlugin.PngImageFile):
        return iptc_of(raw_profile(image, "iptc") or raw_profile(image, "8bim"))
    if isinstance(image, PsdImagePlugin.PsdImageFile):
        return next((iptc_of(data) for code, _, data in image.resources if code == 0x0404), b"")
    if not is_tiff(image):
        return b""
    # Its bytes as they lie in the file: many say that they are numbers, which would be swapped.
    own = page_values(image, path, (TIFF_IPTC, _TIFF_PHOTOSHOP))[MAIN]
    found = (iptc_of(own[tag].data) for tag in (TIFF_IPTC, _TIFF_PHOTOSHOP) if tag in own)
    return next((records for records in found if records), b"")
