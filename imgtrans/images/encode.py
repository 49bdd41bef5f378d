"""From pixels to a file in the input's format, with the settings and metadata that the input had."""

import struct
import warnings
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from imgtrans.errors import ImageError
from imgtrans.images.colour import srgb_profile
from imgtrans.images.exif import into_tiff
from imgtrans.images.formats import has_image_name
from imgtrans.images.keepsake import Keepsake

# Format read -> format written; what is not here becomes PNG.
_WRITTEN = {
    **{name: name for name in ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "PPM", "AVIF", "JPEG2000", "GIF", "TGA")},
    **{name: name for name in ("QOI", "PCX", "SGI")},
    "MPO": "JPEG",
    "DIB": "BMP",
}
# What Pillow can write into each format besides pixels
_HOLDS = {
    "JPEG": ("exif", "xmp", "dpi", "icc_profile"),
    "PNG": ("exif", "xmp", "dpi", "icc_profile"),
    "TIFF": ("exif", "xmp", "dpi", "icc_profile"),
    "WEBP": ("exif", "xmp", "icc_profile"),
    "AVIF": ("exif", "xmp", "icc_profile"),
    "BMP": ("dpi",),
}
_HAS_ALPHA = ("PNG", "WEBP", "TIFF", "AVIF", "JPEG2000", "TGA", "SGI", "QOI", "BMP")
_TIFF_COMPRESSIONS = ("raw", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "zstd", "lzma", "jpeg")
_PREDICTED = ("tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "zstd", "lzma")
_TIFF_XMP, _TIFF_PREDICTOR = 700, 317
_HORIZONTAL = 2
_GIF_CLEAR = 255  # the palette's last entry is the transparent one


def output_name(name: str, format: str) -> tuple[str, str]:
    """Return the file name and the format that a picture is written with.

    A format that can be written keeps its name exactly, even one with another format's suffix;
    anything else (PSD, ICO) becomes PNG.

    Args:
        name: The input's file name.
        format: Pillow's name of the input's format.
    """
    written = _written(format)
    if written != "PNG" or format == "PNG":
        return name, written
    known = has_image_name(Path(name))
    return (Path(name).stem if known else name) + ".png", written


def encode(pixels: NDArray[np.uint8], alpha: NDArray[np.uint8] | None, keep: Keepsake, path: Path) -> None:
    """Write a picture as exactly ``path``, in the format that :func:`output_name` tells.

    Metadata and settings that cannot be written are left out rather than the picture. Alpha is
    carried by every format that pictures with alpha are read from; GIF, whose pixels are either there
    or not, draws the line at 128 and gets 256 colours or 255 and a transparent one.

    Args:
        pixels: (H, W, 3), sRGB.
        alpha: (H, W), 0 (transparent) to 255, or None.
        keep: What was remembered of the input.
        path: The file to write, whatever its suffix.

    Raises:
        ImageError: If the picture cannot be encoded.
        OSError: If the file cannot be written.
    """
    format = _written(keep.format)
    image = Image.fromarray(pixels)
    if format == "GIF":
        image = _with_palette(image, alpha)
    elif alpha is not None and format in _HAS_ALPHA:
        image.putalpha(Image.fromarray(alpha))
    # Into memory first: Pillow hides the reason when a disk is full, and nothing is left behind by a failed try.
    content = _encoded(image, format, keep)
    if format == "BMP" and image.mode == "RGBA":
        content = _bmp_with_alpha(content, image.width, image.height)
    path.write_bytes(content)


def _written(format: str) -> str:
    written = _WRITTEN.get(format, "PNG")
    Image.init()
    return written if written in Image.SAVE else "PNG"  # AVIF and JPEG 2000 are missing from some builds


def _encoded(image: Image.Image, format: str, keep: Keepsake) -> memoryview:
    """Return the file's content, made with the first set of options that works."""
    problem: Exception | None = None
    for settings, carried in _tries(image, format, keep):
        buffer = BytesIO()
        try:
            options = settings | _metadata(format, keep, carried, settings)
            block = options.pop("block", b"")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of odd metadata
                image.save(buffer, format, **options)
                content = into_tiff(buffer.getvalue(), block) if block else buffer.getbuffer()
        except Exception as error:  # Pillow's encoders raise almost anything
            problem = problem or error
        else:
            return memoryview(content)
    reason = str(problem).rstrip(".") or type(problem).__name__
    raise ImageError(f"{keep.source} cannot be written as {format}: {reason}.") from problem


def _tries(image: Image.Image, format: str, keep: Keepsake) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
    """Yield settings and the names of what is carried: all that is kept, then ever less of it."""
    held = _HOLDS.get(format, ())
    for without in ((), ("xmp",), ("exif",), ("xmp", "exif", "dpi")):
        for settings in _settings(image, format, keep):
            yield settings, tuple(name for name in held if name not in without)


def _settings(image: Image.Image, format: str, keep: Keepsake) -> list[dict[str, Any]]:
    """Return the input's way of coding, where it can be had, and then one that always works."""
    every: dict[str, dict[str, Any]] = {
        "JPEG": {"quality": 95, "subsampling": 0},
        "WEBP": {"quality": 95, "exact": True},  # exact: the colour under transparent pixels stays
        "AVIF": {"quality": 90, "subsampling": "4:4:4"},
        "JPEG2000": {"mct": int(image.mode == "RGB"), "no_jp2": keep.codestream},
        "TIFF": {"compression": "tiff_adobe_deflate"},
        "TGA": {"rle": keep.compression == "tga_rle"},
        "GIF": {"transparency": _GIF_CLEAR} if "transparency" in image.info else {},
        "QOI": {"colorspace": "sRGB"},
    }
    plain = every.get(format, {})
    if format == "JPEG" and keep.tables:
        kept = {"qtables": [list(table) for table in keep.tables], "subsampling": keep.subsampling}
        return [kept | {"progressive": keep.progressive}, kept, plain]
    if format == "WEBP" and keep.lossless:
        return [plain | {"lossless": True, "quality": 75}, plain]  # here quality is how hard it tries
    if format == "JPEG2000" and not keep.lossless:
        return [plain | {"irreversible": True, "quality_mode": "dB", "quality_layers": [48]}, plain]
    if format == "TIFF" and keep.compression in _TIFF_COMPRESSIONS:
        quality = {"quality": 95} if keep.compression == "jpeg" else {}
        return [{"compression": keep.compression} | quality, plain]
    return [plain]


def _metadata(format: str, keep: Keepsake, carried: tuple[str, ...], settings: dict[str, Any]) -> dict[str, Any]:
    """Return the options that make Pillow write what is carried."""
    values = {
        "exif": keep.exif,
        "xmp": keep.xmp,
        "dpi": keep.dpi,
        "icc_profile": srgb_profile() if keep.had_profile else b"",
    }
    options: dict[str, Any] = {name: values[name] for name in carried if values[name]}
    if format == "PNG" and "xmp" in options:
        text = PngImagePlugin.PngInfo()
        text.add_itxt("XML:com.adobe.xmp", options.pop("xmp").decode())
        options["pnginfo"] = text
    if format == "TIFF":
        options["block"] = options.pop("exif", b"")
        options["exif"] = tags = Image.Exif()  # Pillow takes tags of every kind as if they were EXIF
        if "xmp" in options:
            tags[_TIFF_XMP] = options.pop("xmp")
        if settings["compression"] in _PREDICTED:
            tags[_TIFF_PREDICTOR] = _HORIZONTAL
    return options


def _with_palette(image: Image.Image, alpha: NDArray[np.uint8] | None) -> Image.Image:
    """Return a picture with the palette that suits it best, dithered; what is transparent has the last entry."""
    colours = 256 if alpha is None else _GIF_CLEAR
    result = image.quantize(palette=image.quantize(colours), dither=Image.Dither.FLOYDSTEINBERG)
    if alpha is not None:
        palette = (result.getpalette() or [])[: 3 * _GIF_CLEAR]
        result.putpalette(palette + [0] * (768 - len(palette)))
        result.paste(_GIF_CLEAR, mask=Image.fromarray(np.where(alpha < 128, 255, 0).astype(np.uint8)))
        result.info["transparency"] = _GIF_CLEAR
    return result


def _bmp_with_alpha(content: memoryview, width: int, height: int) -> memoryview:
    """Give a BMP of 32 bits the longer header (BITMAPV4HEADER) that says that the fourth byte is alpha."""
    pixels, dots = content[54:], content[38:46]
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    header = struct.pack("<IiiHHII8sII", 108, width, height, 1, 32, 3, len(pixels), bytes(dots), 0, 0)
    header += masks + b"BGRs" + bytes(48)  # sRGB
    return memoryview(struct.pack("<2sIII", b"BM", 14 + 108 + len(pixels), 0, 14 + 108) + header + bytes(pixels))
