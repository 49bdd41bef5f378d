"""16 bits a channel: what Pillow has no mode for is read, and brought to sRGB, by other libraries."""

from pathlib import Path

import numpy as np
from PIL import Image, TiffImagePlugin

from imgtrans.images.colour import changes_colours, colour_mode, srgb_profile
from imgtrans.images.depth import tifffile
from imgtrans.images.kinds import jpeg2000
from imgtrans.images.kinds.anytiff import AnyTiff, foreign_samples
from imgtrans.images.modes import DEEP_MODES
from imgtrans.protocols import Pixels

TOP = 65535
_BITS_PER_SAMPLE, _PHOTOMETRIC, _PLANAR_CONFIGURATION, _EXTRA_SAMPLES = 258, 262, 284, 338
_GRAY, _SEPARATE = (0, 1), 2
_MULTIPLIED, _ALPHA = 1, 2  # what a TIFF's extra sample may be: alpha that the colour is multiplied by, or is not
_SPACES = {"L": "gray", "RGB": "rgb", "CMYK": "cmyk"}  # Pillow's names to LittleCMS's


def samples(image: Image.Image, path: Path, raw_mode: str, number: int, deep: bool = True) -> Pixels | None:
    """Read the samples of a picture that Pillow cannot read, or, of 16 bits and several channels, cuts down to 8 bits.

    Args:
        image: The picture as Pillow has loaded it.
        path: Its file.
        raw_mode: Pillow's name of how the samples lie in the file.
        number: Of the page.
        deep: Whether all 16 bits are wanted.

    Returns:
        (H, W, channels) of 16 bits, not turned upright; None if Pillow has read all that is wanted.

    Raises:
        ImageError: If what reads it is not installed, or cannot either.
    """
    if isinstance(image, AnyTiff) and image.foreign:
        return foreign_samples(image, path, number)
    if image.format == "JPEG2000" and image.mode not in DEEP_MODES and jpeg2000.bits(path) > 8:
        return jpeg2000.samples(path, image.size)
    if not deep:
        return None
    if image.format == "PNG" and ";16" in raw_mode and image.mode not in DEEP_MODES:
        if getattr(image, "is_animated", False):
            return None
        import imagecodecs  # noqa: PLC0415 - as above

        decoded: Pixels = imagecodecs.png_decode(path.read_bytes())
        return decoded
    if not isinstance(image, TiffImagePlugin.TiffImageFile) or image.mode not in ("RGB", "RGBA", "CMYK"):
        return None
    if {*image.tag_v2.get(_BITS_PER_SAMPLE, ())} != {16}:
        return None
    with tifffile().TiffFile(path) as file:
        values: Pixels = file.pages[number].asarray(maxworkers=1)
        return np.moveaxis(values, 0, -1) if image.tag_v2.get(_PLANAR_CONFIGURATION) == _SEPARATE else values


def parted(values: Pixels, image: Image.Image) -> tuple[Pixels, Pixels | None]:
    """Part samples from their transparency.

    Args:
        values: What :func:`samples` read, (H, W, channels).
        image: The picture as Pillow has loaded it.

    Returns:
        The colours, (H, W) for gray or (H, W, channels), and the alpha, (H, W), or None if there is none.
    """
    if not isinstance(image, TiffImagePlugin.TiffImageFile):  # a PNG's last of two or four is alpha
        gray, multiplied = values.shape[2] < 3, False
        has_alpha = values.shape[2] % 2 == 0 and image.mode != "CMYK"
    else:
        extra = image.tag_v2.get(_EXTRA_SAMPLES, ())
        gray = image.tag_v2.get(_PHOTOMETRIC, 0) in _GRAY
        has_alpha, multiplied = extra[:1] in ((_ALPHA,), (_MULTIPLIED,)), extra[:1] == (_MULTIPLIED,)
    alpha = values[..., -1] if has_alpha else None
    colours = values[..., : 1 if gray else 4 if image.mode == "CMYK" else 3]
    if multiplied and alpha is not None:
        whole = colours * (TOP / np.maximum(alpha, 1).astype(np.float32))[..., None]
        colours = np.clip(np.rint(whole), 0, TOP).astype(np.uint16)
    return colours[..., 0] if gray else colours, alpha


def to_srgb_deep(colours: Pixels, icc_profile: bytes | None) -> Pixels:
    """Bring colours from their ICC profile to sRGB, all 16 bits of them.

    Args:
        colours: (H, W) gray, (H, W, 3) RGB or (H, W, 4) inks.
        icc_profile: Their profile; one that is broken, or belongs to another kind of picture, is ignored.

    Returns:
        (H, W, 3).
    """
    mode = "L" if colours.ndim == 2 else "CMYK" if colours.shape[2] == 4 else "RGB"
    wanted = colour_mode(icc_profile) if icc_profile else ""
    if mode == "L" and wanted != "L":
        colours, mode = np.repeat(colours[..., None], 3, axis=2), "RGB"
    if icc_profile and wanted == mode and changes_colours(icc_profile):
        import imagecodecs  # noqa: PLC0415 - as above

        cms = imagecodecs.CMS
        converted: Pixels = imagecodecs.cms_transform(
            np.ascontiguousarray(colours),
            icc_profile,
            srgb_profile(),
            colorspace=_SPACES[mode],
            outcolorspace="rgb",
            intent=cms.INTENT.RELATIVE_COLORIMETRIC,
            # Unoptimised: LittleCMS would look colours up in a coarse table, hundreds of steps off.
            flags=cms.FLAGS.BLACKPOINTCOMPENSATION | cms.FLAGS.NOCACHE | cms.FLAGS.NOOPTIMIZE,
        )
        return converted
    if mode == "L":
        return np.repeat(colours[..., None], 3, axis=2)
    if mode == "CMYK":
        light = TOP - colours.astype(np.float32)
        return np.rint(light[..., :3] * light[..., 3:] / TOP).astype(np.uint16)
    return np.ascontiguousarray(colours)


def widened(values: Pixels) -> Pixels:
    """Return values of 8 bits as values of 16, 0 to 65535."""
    return values.astype(np.uint16) * np.uint16(257)


def narrowed(values: Pixels) -> Pixels:
    """Return values of 16 bits as values of 8, rounded."""
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)


def turned(values: Pixels, orientation: int) -> Pixels:
    """Return a picture (H, W, ...) upright that is stored in one of EXIF's orientations, 1 to 8."""
    if orientation >= 5:
        values = values.swapaxes(0, 1)
    down, across = orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)
    return values[:: -1 if down else 1, :: -1 if across else 1]
