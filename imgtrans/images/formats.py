"""What is a picture: recognised by content, opened only by decoders that are safe on strangers' files."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from PIL import Image, PngImagePlugin, PsdImagePlugin, UnidentifiedImageError

from imgtrans.errors import ImageError
from imgtrans.images.kinds import heif, png, raw
from imgtrans.images.kinds.anytiff import AnyTiff, silence
from imgtrans.images.refused import header_of, other_kind, why_not

# Formats that are pictures and are decoded by Pillow itself: EPS and WMF would start other programs. MPO comes with
# JPEG; TGA is last because it has no signature.
READABLE = (
    "JPEG", "PNG", "WEBP", "TIFF", "GIF", "AVIF", "JPEG2000", "BMP", "DIB", "PPM",
    "PSD", "QOI", "ICO", "SGI", "PCX", "TGA",
)  # fmt: skip
_PSD_VERSION = 1057  # the resource that says whether the layers are also there as one picture
SUFFIXES = frozenset(
    [
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".mpo",
        ".png",
        ".apng",
        ".webp",
        ".tif",
        ".tiff",
        ".gif",
        ".avif",
        ".avifs",
        ".jp2",
        ".j2k",
        ".jpx",
        ".bmp",
        ".dib",
        ".ppm",
        ".pgm",
        ".pbm",
        ".pnm",
        ".pfm",
        ".tga",
        ".psd",
        ".qoi",
        ".ico",
        ".sgi",
        ".rgb",
        ".rgba",
        ".bw",
        ".pcx",
        *heif.SUFFIXES,
    ]
)
SYSTEM_NAMES = frozenset(
    {"thumbs.db", "desktop.ini", "@eadir", "__macosx", ".stfolder", ".stversions", "$recycle.bin", "#recycle",
     "system volume information", "lost+found"}
)  # fmt: skip


def is_hidden_or_system(name: str) -> bool:
    """Whether a file or folder of this name belongs to the system, not to the user's pictures."""
    return name.startswith(".") or name.lower() in SYSTEM_NAMES


def format_by_content(path: Path) -> str | None:
    """Return Pillow's name for the format a file's first bytes show, or None if they show none that is read.

    Raises:
        OSError: If the file cannot be read.
    """
    header = header_of(path)
    if other_kind(header) or raw.is_raw(path, header):  # whatever Pillow would make of them
        return None
    Image.init()
    for name in READABLE:
        _, accept = Image.OPEN.get(name, (None, None))
        if accept is None:
            continue
        accepted = accept(header)
        if accepted and not isinstance(accepted, str):  # a str says: mine, but this build cannot read it
            return name
    if heif.is_heif(header) and heif.is_installed():
        return heif.NAME
    return "TGA" if _is_called_tga(path) and any(header) else None


def _is_called_tga(path: Path) -> bool:
    """Whether a file may be a TGA: it has no signature, so its name has to do."""
    return path.suffix.lower() == ".tga"


def has_image_name(path: Path) -> bool:
    """Whether a file is called like a picture."""
    return path.suffix.lower() in SUFFIXES


def is_image(path: Path) -> bool:
    """Whether a file's content is a picture's (by its first bytes)."""
    if is_hidden_or_system(path.name):
        return False
    try:
        return path.is_file() and format_by_content(path) is not None  # to open a pipe would wait for its other end
    except OSError:
        return False


@contextmanager
def _pillow_allows(max_pixels: int | None) -> Iterator[None]:
    """Let Pillow's own check against decompression bombs not stand in the way of a limit above it."""
    before, texts = Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK
    PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY  # a megabyte is too little for texts and profiles
    if max_pixels is not None and before is not None:
        Image.MAX_IMAGE_PIXELS = max(before, max_pixels)  # it checks sizes that stand deeper in a file, too
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK = before, texts


def _opened(file: BinaryIO, kind: str, path: Path) -> Image.Image:
    """Open a picture of a format that its first bytes show."""
    if kind == "TIFF":
        silence()
        return AnyTiff(file)
    if kind == heif.NAME:
        heif.register()
        return Image.open(file, formats=(kind,))
    if kind == "PNG":
        return Image.open(png.readable(file), formats=(kind,))
    return Image.open(file, formats=READABLE if _is_called_tga(path) else READABLE[:-1])


def _go_to_picture(image: Image.Image, path: Path) -> None:
    """Make the picture that a file is of the current one, where that is not the first in it."""
    if isinstance(image, AnyTiff):
        image.to_first_picture(path)
    elif isinstance(image, PsdImagePlugin.PsdImageFile):
        versions = [content for number, _, content in image.resources if number == _PSD_VERSION]
        if any(content[4:5] == b"\0" for content in versions):  # what stands for the whole is white
            raise ImageError(
                f"{path} holds nothing but layers: save it again in Photoshop with its compatibility maximised."
            )


@contextmanager
def open_image(path: Path, max_pixels: int | None = None) -> Iterator[Image.Image]:
    """Open a picture, its header read and its pixels not yet; what goes wrong inside the block names the file.

    Args:
        path: The file.
        max_pixels: Refuse a picture whose header promises more pixels.

    Raises:
        ImageError: If it is no picture, too large, or breaks off while the block decodes it.
    """
    shown = os.fsdecode(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of malformed metadata and large sizes: both are dealt with here
            kind = format_by_content(path)
            if kind is None:
                raise ImageError(why_not(path))
            with _pillow_allows(max_pixels), path.open("rb") as file, _opened(file, kind, path) as image:
                _go_to_picture(image, path)
                if max_pixels is not None and image.width * image.height > max_pixels:
                    raise ImageError(
                        f"{shown} has {image.width}x{image.height} pixels, more than the limit of {max_pixels:,}."
                    )
                yield image
    except UnidentifiedImageError:
        raise ImageError(why_not(path)) from None
    except Image.DecompressionBombError:
        limit = "a picture meant to be opened" if max_pixels is None else f"the limit of {max_pixels:,} pixels"
        raise ImageError(f"{shown} is far larger than {limit}.") from None
    except ImageError:
        raise
    except MemoryError:
        raise ImageError(f"{shown} does not fit into memory.") from None
    except FileNotFoundError:
        raise ImageError(f"{shown} is not there any more.") from None
    except IsADirectoryError:
        raise ImageError(f"{shown} is a folder.") from None
    # Pillow's decoders raise almost anything on a broken file; all of it means that this picture cannot be read.
    except Exception as error:
        reason = " ".join(str(error).split())
        raise ImageError(f"{shown} cannot be decoded: {reason.rstrip('.') or type(error).__name__}.") from error
