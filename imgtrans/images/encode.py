"""From pixels to a file in the input's format or another, with the settings and metadata that the input had."""

import struct
import warnings
import zlib
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from PIL import Image

from imgtrans.errors import ImageError
from imgtrans.images.colour import gray_profile, srgb_profile
from imgtrans.images.decode import Picture
from imgtrans.images.deep import narrowed
from imgtrans.images.deepfile import DeepImage, flattened, lightness
from imgtrans.images.depth import DEEP_FORMATS
from imgtrans.images.frames import playing
from imgtrans.images.keepsake import Keepsake
from imgtrans.images.kinds.pages import join_pages
from imgtrans.images.metadata.captions import TIFF_IPTC, jpeg_captions, png_texts
from imgtrans.images.metadata.carried import DESCRIPTIVE, TIFF_XMP
from imgtrans.images.metadata.exif import into_tiff
from imgtrans.images.metadata.resolution import with_aspect
from imgtrans.images.metadata.target import Target, exif_for
from imgtrans.images.metadata.xmp import xmp_for
from imgtrans.images.written import written_format
from imgtrans.protocols import Pixels, Wanted

# What Pillow can write into each format besides pixels
_HOLDS = {
    "JPEG": ("exif", "xmp", "dpi", "aspect", "icc_profile", "comments", "iptc"),
    "PNG": ("exif", "xmp", "dpi", "aspect", "icc_profile", "texts", "iptc"),
    "TIFF": ("exif", "xmp", "dpi", "aspect", "icc_profile", "iptc"),
    "GIF": ("comments",),
    "WEBP": ("exif", "xmp", "icc_profile"),
    "AVIF": ("exif", "xmp", "icc_profile"),
    "HEIF": ("exif", "xmp", "icc_profile"),
    "BMP": ("dpi",),
}
_HAS_ALPHA = ("PNG", "WEBP", "TIFF", "AVIF", "JPEG2000", "TGA", "SGI", "QOI", "BMP", "GIF", "HEIF")
_HAS_FRAMES = ("GIF", "WEBP", "PNG", "AVIF", "TIFF")
_HAS_PAGES = ("TIFF",)
_HAS_GRAY = ("JPEG", "PNG", "TIFF", "JPEG2000", "BMP", "PPM", "TGA", "PCX", "SGI", "GIF")
_HAS_GRAY_WITH_ALPHA = ("PNG", "TIFF", "JPEG2000", "TGA")
_TIFF_COMPRESSIONS = ("raw", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "zstd", "lzma", "jpeg")
_PREDICTED = ("tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "zstd", "lzma")
_TIFF_PREDICTOR = 317
_HORIZONTAL = 2
_NO_UNIT = 1  # of a TIFF's resolution
_GIF_CLEAR = 255  # the palette's last entry is the transparent one
_AS_IT_WAS = Wanted()


def encode(pixels: Pixels, alpha: Pixels | None, keep: Keepsake, path: Path, wanted: Wanted = _AS_IT_WAS) -> None:
    """Write a picture as exactly ``path``, in the format that :func:`written_format` tells.

    Metadata and settings that cannot be written are left out rather than the picture. What is
    transparent is laid on white where the format has no alpha; GIF, whose pixels are either there
    or not, draws the line at 128 and gets 256 colours or 255 and a transparent one.

    Args:
        pixels: (H, W, 3), sRGB, uint8, or uint16, which PNG and TIFF keep.
        alpha: (H, W) of the same type, 0 (transparent) to the most that it holds, or None.
        keep: What was remembered of the input.
        path: The file to write, whatever its suffix.
        wanted: What is to be other than it was.

    Raises:
        ImageError: If the picture cannot be encoded.
        OSError: If the file cannot be written.
    """
    format = written_format(keep.format, wanted.format)
    image = _assembled(pixels, alpha, format, keep, wanted)
    # Into memory first: Pillow hides the reason when a disk is full, and nothing is left behind by a failed try.
    content = _encoded(image, format, keep, wanted)
    if format == "BMP" and isinstance(image, Image.Image) and image.mode == "RGBA":
        content = _bmp_with_alpha(content, image.width, image.height)
    path.write_bytes(content)


def encode_frames(frames: Sequence[Picture], path: Path, wanted: Wanted = _AS_IT_WAS) -> None:
    """Write what :func:`imgtrans.images.decode.decode_frames` read as exactly ``path``.

    Each page of a TIFF has its own settings and metadata; an animation has those of its first frame, and its timing.

    Args:
        frames: The pictures, at least one.
        path: The file to write, whatever its suffix.
        wanted: What is to be other than it was.

    Raises:
        ImageError: If they cannot be encoded, or the format is for single pictures.
        OSError: If the file cannot be written.
    """
    first, *others = frames
    if not others:
        encode(first.pixels, first.alpha, first.keep, path, wanted)
        return
    keep = first.keep
    format = written_format(keep.format, wanted.format)
    if format not in (_HAS_FRAMES if keep.timing.durations else _HAS_PAGES):
        raise ImageError(
            f"{keep.source} has {len(frames)} {'frames' if keep.timing.durations else 'pages'}, "
            f"for which {format} has no room; --frames first would translate the first one."
        )
    opaque = None
    if format == "GIF" and not wanted.flatten and any(frame.alpha is not None for frame in frames):
        opaque = np.full(first.pixels.shape[:2], 255, np.uint8)  # all frames have the transparent entry, or none
    images = [
        _assembled(
            frame.pixels,
            opaque if frame.alpha is None else frame.alpha,
            format,
            keep if keep.timing.durations else frame.keep,
            wanted,
        )
        for frame in frames
    ]
    if format == "TIFF":
        pages = [
            _encoded(image, format, frame.keep, wanted, len(frames))
            for image, frame in zip(images, frames, strict=True)
        ]
        path.write_bytes(join_pages(pages))
        return
    options = {"save_all": True, "append_images": images[1:], **playing(format, keep.timing)}
    path.write_bytes(_encoded(images[0], format, keep, wanted, len(frames), options))


def _assembled(
    pixels: Pixels, alpha: Pixels | None, format: str, keep: Keepsake, wanted: Wanted
) -> Image.Image | DeepImage:
    """Return a picture in the mode in which a format is written."""
    if pixels.dtype == np.uint16:
        if format in DEEP_FORMATS:
            return _assembled_deep(pixels, alpha, format, keep, wanted)
        pixels, alpha = narrowed(pixels), None if alpha is None else narrowed(alpha)
    image = Image.fromarray(pixels)
    if alpha is not None and (wanted.flatten or format not in _HAS_ALPHA):
        image = Image.composite(image, Image.new("RGB", image.size, "white"), Image.fromarray(alpha))
        alpha = None
    if wanted.keep_gray and keep.gray:
        image = image.convert("L")
        if format not in (_HAS_GRAY if alpha is None else _HAS_GRAY_WITH_ALPHA):
            image = image.convert("RGB")
    if format == "GIF":
        return image if image.mode == "L" else _with_palette(image, alpha)
    if alpha is not None:
        image.putalpha(Image.fromarray(alpha))
    return image


def _assembled_deep(pixels: Pixels, alpha: Pixels | None, format: str, keep: Keepsake, wanted: Wanted) -> DeepImage:
    """Return what :func:`_assembled` does, of 16 bits a channel."""
    if alpha is not None and wanted.flatten:
        pixels, alpha = flattened(pixels, alpha), None
    # Hardly anything reads gray with alpha of 16 bits in a TIFF; as colours it is read.
    if wanted.keep_gray and keep.gray:
        pixels = lightness(pixels)
        if format == "TIFF" and alpha is not None:
            pixels = np.dstack([pixels] * 3)
    return DeepImage(pixels, alpha)


def _encoded(
    image: Image.Image | DeepImage,
    format: str,
    keep: Keepsake,
    wanted: Wanted,
    pages: int = 1,
    more: Mapping[str, Any] = MappingProxyType({}),
) -> memoryview:
    """Return the file's content, or that of one of its pages, made with the first set of options that works."""
    problem: Exception | None = None
    for settings, carried in _tries(image, format, keep, wanted):
        buffer = BytesIO()
        try:
            profile = gray_profile if image.mode in ("L", "LA") else srgb_profile
            bits = 16 if isinstance(image, DeepImage) else 8
            target = Target(keep.format, format, image.mode, bits, image.size, pages)
            options = settings | _metadata(target, keep, carried, settings, profile() if keep.had_profile else b"")
            options |= more
            block, aspect = options.pop("block", b""), options.pop("aspect", None)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of odd metadata
                image.save(buffer, format, **options)
            content = into_tiff(buffer.getvalue(), block, DESCRIPTIVE) if block else buffer.getbuffer()
            content = with_aspect(content, format, aspect) if aspect else content
        except Exception as error:  # Pillow's encoders raise almost anything
            problem = problem or error
        else:
            return memoryview(content)
    reason = str(problem).rstrip(".") or type(problem).__name__
    raise ImageError(f"{keep.source} cannot be written as {format}: {reason}.") from problem


def _tries(
    image: Image.Image | DeepImage, format: str, keep: Keepsake, wanted: Wanted
) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
    """Yield settings and the names of what is carried: all that is kept, then ever less of it."""
    held = _HOLDS.get(format, ())
    captions = ("comments", "texts", "iptc")
    for without in ((), captions, ("xmp",), ("exif",), ("xmp", "exif", "dpi", "aspect", *captions)):
        for settings in _settings(image, format, keep, wanted.quality):
            yield settings, tuple(name for name in held if name not in without)


def _settings(image: Image.Image | DeepImage, format: str, keep: Keepsake, quality: int) -> list[dict[str, Any]]:
    """Return the input's way of coding, where it can be had and is wanted, and then one that always works."""
    # How hard to try is chosen by benchmarks/encoding.py: two to five times as fast for a few percent more bytes.
    every: dict[str, dict[str, Any]] = {
        "JPEG": {"quality": quality or 95, "subsampling": keep.subsampling if quality else 0},
        "PNG": {"compress_type": zlib.Z_RLE},  # what a network makes repeats itself next door or nowhere
        "WEBP": {"quality": quality or 95, "exact": True},  # exact: the colour under transparent pixels stays
        "AVIF": {"quality": quality or 90, "subsampling": "4:4:4", "speed": 8},
        "HEIF": {"quality": quality or 90, "chroma": 444},
        "JPEG2000": {"mct": int(image.mode == "RGB"), "no_jp2": keep.codestream},
        "TIFF": {"compression": "tiff_lzw" if isinstance(image, Image.Image) else "tiff_adobe_deflate"},
        "TGA": {"rle": keep.compression == "tga_rle"},
        "GIF": {"transparency": _GIF_CLEAR} if "transparency" in image.info else {},
        "QOI": {"colorspace": "sRGB"},
    }
    plain = every.get(format, {})
    if format == "JPEG" and keep.tables and not quality:
        kept = {"qtables": [list(table) for table in keep.tables], "subsampling": keep.subsampling}
        return [kept | {"progressive": keep.progressive}, kept, plain]
    if format == "WEBP" and keep.format == "WEBP" and keep.lossless and not quality:
        return [plain | {"lossless": True, "quality": 30, "method": 1}, plain]  # here quality is how hard it tries
    if format == "JPEG2000" and not keep.lossless:
        return [plain | {"irreversible": True, "quality_mode": "dB", "quality_layers": [48]}, plain]
    if format == "TIFF" and keep.compression in _TIFF_COMPRESSIONS:
        how_good = {"quality": quality or 95} if keep.compression == "jpeg" else {}
        return [{"compression": keep.compression} | how_good, plain]
    return [plain]


def _metadata(
    target: Target, keep: Keepsake, carried: tuple[str, ...], settings: dict[str, Any], profile: bytes
) -> dict[str, Any]:
    """Return the options that make Pillow write what is carried, and what it does not write: ``block``, ``aspect``."""
    values: dict[str, Any] = {"icc_profile": profile, "dpi": keep.dpi, "aspect": keep.aspect, **vars(keep.captions)}
    if "exif" in carried:
        values["exif"] = exif_for(keep.exif, target)
    if "xmp" in carried:
        values["xmp"] = xmp_for(keep.xmp, target)
    options: dict[str, Any] = {name: values[name] for name in carried if values.get(name)}
    if comments := options.pop("comments", ()):
        *others, options["comment"] = comments
        options["comments"] = others
    if target.format == "PNG":
        texts = [options.pop(name, empty) for name, empty in (("texts", ()), ("xmp", b""), ("iptc", b""))]
        options["pnginfo"] = png_texts(*texts)
    if target.format == "JPEG" and (extra := jpeg_captions(options.pop("comments", ()), options.pop("iptc", b""))):
        options["extra"] = extra
    if target.format == "TIFF":
        options["block"] = options.pop("exif", b"")
        options["exif"] = tags = Image.Exif()  # Pillow takes tags of every kind as if they were EXIF
        if "aspect" in options:
            across, down = options.pop("aspect")
            options |= {"x_resolution": across, "y_resolution": down, "resolution_unit": _NO_UNIT}
        if "xmp" in options:
            tags[TIFF_XMP] = options.pop("xmp")
        if "iptc" in options:
            tags[TIFF_IPTC] = options.pop("iptc")
        if settings["compression"] in _PREDICTED:
            tags[_TIFF_PREDICTOR] = _HORIZONTAL
    options.pop("comments", None)
    return options


def _with_palette(image: Image.Image, alpha: Pixels | None) -> Image.Image:
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
