"""Descriptions that microscopy programs write for one another: they tell of pixels, and must be true of them."""

import json
import math
import re

_IMAGEJ = b"ImageJ="
# Lines on how the pages lie in the file and what their values mean; all others describe the picture
_IMAGEJ_OF_PIXELS = re.compile(rb"^(images|channels|mode|min|max|cf|c[0-9]|vunit)=.*\n?", re.MULTILINE)
_IMAGEJ_OF_PAGES = re.compile(rb"^(slices|frames|hyperstack)=.*\n?", re.MULTILINE)
_TIFFFILE = re.compile(rb'\s*\{"shape":')
_TIFFFILE_KEYS = ("shape", "axes", "truncated")
_OME = b"openmicroscopy.org/Schemas/OME"
_PIXELS = re.compile(rb"<(?:\w+:)?Pixels\b([^>]*)>(.*?)(?=<(?:\w+:)?Pixels\b|\Z)", re.DOTALL)
_CHANNEL = re.compile(rb"<(?:\w+:)?Channel\b([^>]*)>")
_ATTRIBUTE = re.compile(rb"""(\w+)\s*=\s*["']([^"']*)["']""")


def true_description(text: bytes, size: tuple[int, int], samples: int, bits: int, pages: int) -> bytes:
    """Return an image description without what is not true of a file's pixels.

    Args:
        text: The description, with zeros at its end or without.
        size: Width and height.
        samples: In each pixel.
        bits: Of each sample.
        pages: In the file.

    Returns:
        The same bytes where nothing is untrue, b"" where nothing stays.
    """
    plain = text.rstrip(b"\0")
    if plain.startswith(_IMAGEJ):
        stays = _of_imagej(plain, pages)
    elif _TIFFFILE.match(plain):
        stays = _of_tifffile(plain, math.prod((*size, samples, pages)))
    elif _OME in plain:
        stays = plain if _is_true_ome(plain, size, samples, bits, pages) else b""
    else:
        return text
    return text if stays == plain else stays + b"\0" if stays else b""


def _of_imagej(text: bytes, pages: int) -> bytes:
    told = {name: int(number) for name, number in re.findall(rb"^(slices|frames)=(\d{1,9})\s*$", text, re.MULTILINE)}
    stays = _IMAGEJ_OF_PIXELS.sub(b"", text)
    return stays if math.prod(told.values()) == pages else _IMAGEJ_OF_PAGES.sub(b"", stays)


def _of_tifffile(text: bytes, samples: int) -> bytes:
    try:
        told = json.loads(text)
        if math.prod(told["shape"]) == samples:
            return text
    except (ValueError, TypeError, RecursionError):
        return b""
    stays = {key: value for key, value in told.items() if key not in _TIFFFILE_KEYS}
    return json.dumps(stays).encode() if stays else b""


def _is_true_ome(text: bytes, size: tuple[int, int], samples: int, bits: int, pages: int) -> bool:
    """Whether all that OME-XML says of pixels is so, and all planes that it tells of are there."""
    planes = 0
    for pixels in _PIXELS.finditer(text):
        told = dict(_ATTRIBUTE.findall(pixels[1]))
        channels = [dict(_ATTRIBUTE.findall(channel)) for channel in _CHANNEL.findall(pixels[2])]
        try:
            numbers = {name: int(told.get(name, b"1")) for name in (b"SizeX", b"SizeY", b"SizeC", b"SizeZ", b"SizeT")}
            each = [int(channel.get(b"SamplesPerPixel", b"1")) for channel in channels] or [samples]
            significant = int(told.get(b"SignificantBits", bits))
        except ValueError:
            return False
        if told.get(b"Type") != b"uint%d" % bits or significant != bits or {*each} != {samples}:
            return False
        if (numbers[b"SizeX"], numbers[b"SizeY"]) != size or (bits > 8 and told.get(b"BigEndian") == b"true"):
            return False
        planes += numbers[b"SizeC"] // samples * numbers[b"SizeZ"] * numbers[b"SizeT"]
    return planes == pages
