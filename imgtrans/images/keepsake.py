"""What has to be remembered of a picture's file to write the translation back as the file was."""

import os
import struct
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, JpegImagePlugin

from imgtrans.images.frames import STILL, Timing
from imgtrans.images.metadata.captions import NONE, Captions, carried_captions
from imgtrans.images.metadata.carried import carried_exif, carried_xmp, orientation
from imgtrans.images.metadata.pngtext import left_out
from imgtrans.images.metadata.resolution import carried_aspect, carried_dpi
from imgtrans.images.metadata.turn import Turn
from imgtrans.images.modes import is_gray

_HEADER_BYTES = 1 << 16
_FRAME_HEADER_BYTES = 16  # of a WebP


@dataclass(frozen=True)
class Keepsake:
    """All that ``encode`` needs besides pixels; plain data, so that it can cross processes.

    Attributes:
        source: The input file, as errors name it.
        format: Pillow's name of the input's format.
        exif: EXIF for the upright picture, starting with ``Exif\\0\\0``; b"" if there is none.
        xmp: XMP packet for the upright picture; b"" if there is none.
        captions: Comments, texts and IPTC.
        left_out: Keywords of a PNG's texts that are too long to be read.
        dpi: Horizontal and vertical resolution of the upright picture, in pixels per inch.
        aspect: The same without a unit, where its pixels are not square or it is a TIFF.
        had_profile: Whether the input carried an ICC profile.
        gray: Whether it had no colours.
        tables: JPEG: quantisation tables of 64 numbers each, one per component, the last for those that follow.
        subsampling: JPEG: 0 for 4:4:4, 1 for 4:2:2, 2 for 4:2:0.
        progressive: JPEG: whether the scans were progressive.
        compression: TIFF and TGA: Pillow's name of the compression.
        lossless: WebP and JPEG 2000: whether no detail was lost in writing it.
        codestream: JPEG 2000: whether it was a bare codestream without the JP2 container.
        timing: How an animation plays, of which this is the first frame.
    """

    source: str
    format: str
    exif: bytes = b""
    xmp: bytes = b""
    captions: Captions = NONE
    left_out: tuple[str, ...] = ()
    dpi: tuple[float, float] | None = None
    aspect: tuple[float, float] | None = None
    had_profile: bool = False
    gray: bool = False
    tables: tuple[tuple[int, ...], ...] = ()
    subsampling: int = 0
    progressive: bool = False
    compression: str = ""
    lossless: bool = False
    codestream: bool = False
    timing: Timing = STILL


def keepsake(image: Image.Image, path: Path, stored: int = 1, raw_mode: str = "") -> Keepsake:
    """Collect what is to be kept of a picture whose pixels are loaded and not yet turned upright.

    Args:
        image: The picture as Pillow opened it.
        path: Its file.
        stored: The orientation that its file has, 1 (upright) to 8; Pillow turns a TIFF while it loads it.
        raw_mode: Pillow's name of how the samples lie in the file.
    """
    tables, subsampling = _jpeg_tables(image)
    turn = _turn(image, stored)
    compression = image.info.get("compression")
    return Keepsake(
        source=os.fsdecode(path),
        format=str(image.format),
        exif=carried_exif(image, path, turn),
        xmp=carried_xmp(image, path, turn),
        captions=carried_captions(image, path),
        left_out=left_out(path) if image.format == "PNG" else (),
        dpi=carried_dpi(image, turn.sideways),
        aspect=carried_aspect(image, turn.sideways),
        had_profile=bool(image.info.get("icc_profile")),
        gray=is_gray(image, raw_mode),
        tables=tables,
        subsampling=subsampling,
        progressive=bool(image.info.get("progressive")),
        compression=compression if isinstance(compression, str) else "",  # BMP's is a number
        lossless=_is_lossless(path, str(image.format)),
        codestream=getattr(image, "codec", "") == "j2k",
    )


def _turn(image: Image.Image, stored: int) -> Turn:
    """Return how a loaded picture lies in its file."""
    now = orientation(image)
    upright = Turn(now, *image.size).upright
    return Turn(max(stored, now), *Turn(max(stored, now), *upright).upright)


def _jpeg_tables(image: Image.Image) -> tuple[tuple[tuple[int, ...], ...], int]:
    """Return the tables and the subsampling with which a JPEG can be written again as YCbCr."""
    if not isinstance(image, JpegImagePlugin.JpegImageFile):
        return (), 0
    try:
        # 255 is the most that every reader takes; a coarser table than that only says "throw it away" twice.
        tables = [tuple(min(step, 255) for step in image.quantization[component[3]]) for component in image.layer]
    except KeyError:  # it names a table that it does not bring
        return (), 0
    identifiers = tuple(component[0] for component in image.layer)
    if len(tables) != 3 or _is_rgb_jpeg(image, identifiers):
        return (tables[0],), 0  # gray, CMYK and RGB have no chroma; the first is the finest common measure
    (_, width, height, _), *chroma = image.layer
    across = width // max(component[1] for component in chroma)
    down = height // max(component[2] for component in chroma)
    # Pillow writes these three; of a rarer one the next finer is taken, so that no detail is lost.
    return tuple(tables), (2 if down >= 2 else 1) if across >= 2 else 0


def _is_rgb_jpeg(image: Image.Image, identifiers: tuple[int, ...]) -> bool:
    """Whether a JPEG of three components stores RGB, by the rules of libjpeg."""
    if "jfif" in image.info:
        return False
    if "adobe" in image.info:
        return image.info.get("adobe_transform") == 0
    return identifiers == (ord("R"), ord("G"), ord("B"))


def _is_lossless(path: Path, kind: str) -> bool:
    if kind not in ("WEBP", "JPEG2000"):
        return False
    try:
        if kind == "WEBP":
            return _has_chunk(path, b"VP8L")
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
        # After SIZ stands COD; its byte 13 names the wavelet: 1 is the reversible one.
        return header[header.index(b"\xff\x52", header.index(b"\xff\x4f\xff\x51")) + 13] == 1
    except (OSError, ValueError, IndexError, struct.error):
        return False


def _has_chunk(path: Path, name: bytes) -> bool:
    """Whether a RIFF file has a chunk of this name at its top level, or first in a frame of its animation."""
    with path.open("rb") as file:
        file.seek(12)
        while len(header := file.read(8)) == 8:
            chunk, size = struct.unpack("<4sI", header)
            if chunk == name:
                return True
            start = file.tell()
            if chunk == b"ANMF" and file.read(_FRAME_HEADER_BYTES + 4)[_FRAME_HEADER_BYTES:] == name:
                return True
            file.seek(start + size + size % 2)
    return False
