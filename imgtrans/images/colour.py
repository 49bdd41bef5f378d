"""Colour: from a picture's embedded ICC profile to sRGB."""

import struct
from functools import cache, lru_cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

# ICC colour space -> the mode in which a picture goes through a profile of that space
_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}
_DATE, _PLATFORM, _IDENTITY = slice(24, 36), slice(40, 44), slice(84, 100)  # in the header of a profile


@cache
def srgb_profile() -> bytes:
    """Return sRGB's ICC profile, the same bytes in every process."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    # LittleCMS stamps the time; all outputs of all runs are to be equal.
    profile[_DATE] = np.array([2000, 1, 1, 0, 0, 0], ">u2").tobytes()
    profile[_PLATFORM] = bytes(4)
    profile[_IDENTITY] = bytes(16)
    return bytes(profile)


@cache
def gray_profile() -> bytes:
    """Return the ICC profile of a gray scale with sRGB's curve, the same bytes in every process."""
    coded = np.linspace(0, 1, 1024)
    light = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    white = (0x0000F6D6, 0x00010000, 0x0000D32D)  # D50, which profiles are relative to
    name = b"Gray with sRGB's curve"
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", len(name) + 1) + name + bytes(1 + 78),
        b"cprt": b"text" + bytes(4) + b"No copyright\0",
        b"wtpt": b"XYZ " + bytes(4) + struct.pack(">3I", *white),
        b"kTRC": b"curv" + bytes(4) + struct.pack(">I", 1024) + np.rint(light * 65535).astype(">u2").tobytes(),
    }
    table, data, offset = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for tag, content in tags.items():
        table += struct.pack(">4sII", tag, offset + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    header = struct.pack(">I4sI4s4s4s", 128 + len(table) + len(data), b"", 0x02400000, b"mntr", b"GRAY", b"XYZ ")
    header += struct.pack(">6H4s", 2000, 1, 1, 0, 0, 0, b"acsp") + bytes(28) + struct.pack(">3I", *white)
    return header.ljust(128, b"\0") + table + data


def to_srgb(image: Image.Image, icc_profile: bytes | None) -> Image.Image:
    """Bring a picture from its ICC profile to sRGB.

    Args:
        image: 8 bits a channel, without alpha.
        icc_profile: Its profile; one that is broken, or belongs to another kind of picture, is ignored.

    Returns:
        The picture in mode RGB, or ``image`` itself where the profile changes nothing.
    """
    if not icc_profile:
        return image
    mode = colour_mode(icc_profile)
    if mode == "RGB" and image.mode in ("P", "1", "L", "YCbCr", "HSV", "RGBX"):
        image = image.convert("RGB")
    elif mode == "L" and image.mode == "1":
        image = image.convert("L")
    transform = _transform(icc_profile) if image.mode == mode else None
    if transform is None:
        return image
    result: Image.Image = transform.apply(image)
    return result


def changes_colours(icc_profile: bytes) -> bool:
    """Whether a profile can be used and is none of sRGB."""
    return _transform(icc_profile) is not None


@lru_cache(maxsize=16)
def colour_mode(icc_profile: bytes) -> str:
    """Return the mode of the pictures that a profile is for, "" if it is for none that is known."""
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(icc_profile))
        return _MODES.get(profile.profile.xcolor_space.strip(), "")
    except Exception:  # LittleCMS and Pillow raise several kinds on a broken profile
        return ""


@lru_cache(maxsize=16)
def _transform(icc_profile: bytes) -> ImageCms.ImageCmsTransform | None:
    """Return the way from a profile to sRGB; None if there is none or it is the identity."""
    mode = colour_mode(icc_profile)
    # No cache inside: one transform then serves several threads.
    flags = ImageCms.Flags.BLACKPOINTCOMPENSATION | ImageCms.Flags.NOCACHE
    try:
        transform = ImageCms.ImageCmsTransform(
            ImageCms.ImageCmsProfile(BytesIO(icc_profile)),
            ImageCms.ImageCmsProfile(BytesIO(srgb_profile())),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            flags=flags,
        )
        probe = _probe(mode)
        changed = np.asarray(transform.apply(probe)).astype(int)
    except Exception:  # see above: a profile that cannot be used
        return None
    # Most profiles are some edition of sRGB: leave those pixels alone instead of rounding them twice.
    if mode in ("RGB", "L") and np.abs(changed - np.asarray(probe.convert("RGB"))).max() <= 1:
        return None
    return transform


def _probe(mode: str) -> Image.Image:
    """Return a picture with colours from all over a mode's range."""
    bands = Image.getmodebands(mode)
    steps = np.arange(0, 256, 1 if bands == 1 else 51 if bands == 4 else 17, dtype=np.uint8)
    grid = np.stack(np.meshgrid(*[steps] * bands, indexing="ij"), axis=-1).reshape(1, -1, bands)
    return Image.frombytes(mode, (grid.shape[1], 1), np.ascontiguousarray(grid).tobytes())
