"""TIFF files as Pillow opens them, and those pages too whose samples it has no mode for or cannot decompress."""

import contextlib
import ctypes
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import ImageFile, TiffImagePlugin

from imgtrans.errors import ImageError
from imgtrans.images.depth import INSTALL, is_installed, tifffile
from imgtrans.images.kinds.directories import (
    NEW_SUBFILE_TYPE,
    SUBFILE_TYPE,
    directories,
    is_part,
    is_part_of_another,
)
from imgtrans.protocols import Pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BITS_PER_SAMPLE, _COMPRESSION, _PHOTOMETRIC, _SAMPLES, _EXTRA_SAMPLES, _SAMPLE_FORMAT = 258, 259, 262, 277, 338, 339
_FILL_ORDER = 266
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _INKS = 0, 1, 2, 5
_KINDS = {1: "whole numbers", 2: "signed numbers", 3: "floats"}
_COMPRESSIONS = {
    33003: "JPEG 2000",
    33005: "JPEG 2000",
    34712: "JPEG 2000",
    34887: "LERC",
    50001: "WebP",
    50002: "JPEG XL",
}
_WEBP = 50001  # Pillow knows it, but mostly comes with a libtiff that does not
_OF_ONE_PAGE = ("icc_profile", "dpi", "resolution", "compression")  # what Pillow would take over to the next page
_MOST_DIRECTORIES = 64
_TOP = 65535


class AnyTiff(TiffImagePlugin.TiffImageFile):
    """A TIFF file.

    Attributes:
        foreign: What the samples of the current page are, if Pillow cannot read them; else "".
    """

    foreign = ""

    def _setup(self) -> None:
        """Set the picture up for the current page, as Pillow would if its samples were plain bytes."""
        self.foreign = ""
        for name in _OF_ONE_PAGE:
            self.info.pop(name, None)
        foreign = _described(self.tag_v2)
        try:
            super()._setup()
            if not foreign or self.tag_v2.get(_COMPRESSION) != _WEBP or _has_codec(_WEBP):
                return
        except SyntaxError:
            if not foreign:
                raise
        except KeyError:  # no compression that Pillow knows
            if not foreign:
                raise SyntaxError(f"compression {self.tag_v2.get(_COMPRESSION)} of such samples is not read") from None
        tags = self.tag_v2
        samples = tags.get(_SAMPLES, 1)
        plain = {_BITS_PER_SAMPLE: (8,) * samples, _COMPRESSION: 1, _SAMPLE_FORMAT: (1,), _FILL_ORDER: 1}
        kept = {tag: tags.get(tag) for tag in plain}
        tags.update(plain)
        try:
            super()._setup()
        finally:
            for tag, value in kept.items():
                if value is None:
                    del tags[tag]
                else:
                    tags[tag] = value
        self.foreign = foreign
        self.info["compression"] = TiffImagePlugin.COMPRESSION_INFO.get(tags.get(_COMPRESSION, 1), "")
        self.tile = [ImageFile._Tile("foreign", (0, 0, *self.size), 0, None)]

    @property
    def is_part(self) -> bool:
        """Whether the current page is a thumbnail, a lower level of a pyramid or a mask."""
        return is_part_of_another(self.tag_v2.get(NEW_SUBFILE_TYPE), self.tag_v2.get(SUBFILE_TYPE))

    def to_first_picture(self, path: Path) -> None:
        """Go to the first page that is no part of another; where all are, the first will do.

        Raises:
            ImageError: If what that is a part of stands where only few programs look.
        """
        if not self.is_part:
            return
        for number in range(1, self.n_frames):
            self.seek(number)
            if not self.is_part:
                return
        self.seek(0)
        with path.open("rb") as file:
            if not all(is_part(directory) for directory in directories(file, _MOST_DIRECTORIES)):
                raise ImageError(
                    f"{path} is a TIFF whose pages are thumbnails, and whose picture is kept where it is not read: "
                    "save it again as a plain TIFF."
                )

    def load(self) -> Any:
        """Load the current page, if Pillow can; :func:`foreign_samples` reads what it cannot.

        Raises:
            OSError: If it cannot.
        """
        if self.foreign:
            raise OSError(f"it is a TIFF of {self.foreign}")
        return super().load()


def foreign_samples(image: AnyTiff, path: Path, number: int) -> Pixels:
    """Read a page that Pillow cannot.

    Args:
        image: The file, at that page.
        path: The file.
        number: Of the page.

    Returns:
        (H, W, channels) uint16, as in the file, not turned upright. Floats, and whole numbers of more than 16 bits,
        fill that range as :func:`imgtrans.images.modes.in_range` says, all colours together.

    Raises:
        ImageError: If what that takes is not installed, or it cannot be read with that either.
    """
    import numpy as np  # noqa: PLC0415 - to plan a run takes none

    if not is_installed():
        raise ImageError(
            f"{path} is a TIFF of {image.foreign}, which can be read once imagecodecs and tifffile are installed: "
            f"{INSTALL}."
        )
    try:
        with tifffile().TiffFile(path) as file:
            page = file.pages[number]
            values = np.atleast_3d(page.asarray(maxworkers=1))
            if page.planarconfig == 2 and page.samplesperpixel > 1:
                values = np.moveaxis(values, 0, -1)
    except Exception as error:  # of almost any kind
        raise ImageError(f"{path} is a TIFF of {image.foreign}, which cannot be decoded: {_reason(error)}.") from error
    if values.shape[:2] != (image.tag_v2[257], image.tag_v2[256]) or values.dtype.kind not in "uif":
        raise ImageError(f"{path} is a TIFF of {image.foreign}, which is not read.")
    colours = {_RGB: 3, _INKS: 4}.get(image.tag_v2.get(_PHOTOMETRIC, 0), 1)
    bits = image.tag_v2.get(_BITS_PER_SAMPLE, (1,))[0]
    parts = [
        _filling(values[..., part], bits) for part in (slice(colours), slice(colours, None)) if values[..., part].size
    ]
    if image.tag_v2.get(_PHOTOMETRIC, 0) == _WHITE_IS_ZERO:
        parts[0] = _TOP - parts[0]
    return np.concatenate(parts, axis=2)


@cache
def silence() -> None:
    """Keep libtiff, which Pillow brings, from printing what it thinks of a file: what matters is in the error.

    Where the library does not let itself be asked (it may be part of another file), nothing happens.
    """
    with contextlib.suppress(Exception):
        for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
            function = getattr(_libtiff(), name)
            function.argtypes, function.restype = [ctypes.c_void_p], ctypes.c_void_p
            function(None)


def _libtiff() -> ctypes.CDLL:
    return ctypes.CDLL(import_module("PIL._imaging").__file__)  # whose dependencies are looked through, too


def _has_codec(compression: int) -> bool:
    """Whether Pillow's libtiff decompresses that, as far as it can be asked."""
    try:
        return bool(_libtiff().TIFFIsCODECConfigured(compression))
    except Exception:  # it cannot: let it try
        return True


def _filling(values: "NDArray[Any]", bits: int) -> Pixels:
    import numpy as np  # noqa: PLC0415 - as above

    from imgtrans.images.modes import in_range  # noqa: PLC0415 - as above

    signed = values.dtype.kind == "i"
    return in_range(values, bits - 1 if signed else bits, _TOP).astype(np.uint16)


def _described(tags: TiffImagePlugin.ImageFileDirectory_v2) -> str:
    """Return in words what the samples of a page are; "" if they are of a kind that nobody here reads."""
    photometric, samples = tags.get(_PHOTOMETRIC, 0), tags.get(_SAMPLES, 1)
    bits, kinds = {*tags.get(_BITS_PER_SAMPLE, (1,))}, {*tags.get(_SAMPLE_FORMAT, (1,))}
    inks = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3, _INKS: 4}.get(photometric)
    extra = len(tags.get(_EXTRA_SAMPLES, ()))
    if (
        inks is None
        or samples != inks + extra
        or extra > 1
        or len(bits) != 1
        or len(kinds) != 1
        or not kinds <= {*_KINDS}
    ):
        return ""
    compression = tags.get(_COMPRESSION, 1)
    packed = f", compressed as {_COMPRESSIONS[compression]}" if compression in _COMPRESSIONS else ""
    return f"{bits.pop()}-bit {_KINDS[kinds.pop()]}{packed}"


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
