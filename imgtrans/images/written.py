"""How outputs are to be written: which format each picture gets, and under which name."""

from pathlib import Path

from PIL import Image

from imgtrans.errors import UnavailableError, UsageError
from imgtrans.images.depth import DEEP_FORMATS, INSTALL, is_installed
from imgtrans.images.formats import has_image_name
from imgtrans.images.kinds import heif
from imgtrans.protocols import Wanted

# Format read -> format written; what is not here becomes PNG.
_WRITTEN = {
    **{name: name for name in ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "PPM", "AVIF", "JPEG2000", "GIF", "TGA")},
    **{name: name for name in ("QOI", "PCX", "SGI", heif.NAME)},
    "MPO": "JPEG",
    "DIB": "BMP",
}
# What --format takes -> format written
_CHOICES = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "avif": "AVIF", "tiff": "TIFF"}
KEEP = "keep"
ALL = "all"
GRAY = ".pgm"
NEVER_WRITTEN = (".pbm", ".pfm")  # they are read: black and white, and floats
WITHOUT_COLOURS = (GRAY, *NEVER_WRITTEN)
_SUFFIXES = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "PNG": (".png", ".apng"),
    "WEBP": (".webp",),
    "AVIF": (".avif", ".avifs"),
    "TIFF": (".tiff", ".tif"),
    "GIF": (".gif",),
    "BMP": (".bmp", ".dib"),
    "JPEG2000": (".jp2", ".j2k", ".jpx"),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm", ".pfm"),
    "TGA": (".tga",),
    "QOI": (".qoi",),
    heif.NAME: heif.SUFFIXES,
}
# Of formats that are read and that no output is asked for by such a name
_READ_ONLY_SUFFIXES = {
    ".psd": "PSD", ".ico": "ICO", ".pcx": "PCX", ".sgi": "SGI", ".rgb": "SGI", ".rgba": "SGI", ".bw": "SGI",
}  # fmt: skip


def written_format(format: str, wanted: str = "") -> str:
    """Return the format that a picture is written in.

    Args:
        format: Pillow's name of the input's format.
        wanted: Pillow's name of the format that the user wants; "" is the input's own.
    """
    written = wanted or _WRITTEN.get(format, "PNG")
    return written if can_write(written) else "PNG"


def is_deep(format: str, wanted: Wanted) -> bool:
    """Whether a picture of a format (Pillow's name) is written with 16 bits a channel."""
    return wanted.depth > 8 and written_format(format, wanted.format) in DEEP_FORMATS


def can_write(format: str) -> bool:
    """Whether pictures can be written in a format here: AVIF and JPEG 2000 are missing from some builds of Pillow."""
    Image.init()
    if format == heif.NAME:
        heif.register()
    return format in Image.SAVE


def output_name(name: str, format: str, wanted: str = "", keep_gray: bool = False) -> tuple[str, str]:
    """Return the file name and the format that a picture is written with.

    A format that can be written keeps its name exactly, even one with another format's suffix;
    anything else (PSD, ICO) becomes PNG, and everything becomes what the user wants. Only of a
    PBM, PGM or PFM the suffix follows what is written: they are called by what they hold.

    Args:
        name: The input's file name.
        format: Pillow's name of the input's format.
        wanted: Pillow's name of the format that the user wants; "" is the input's own.
        keep_gray: Whether gray pictures stay gray.
    """
    written = written_format(format, wanted)
    if written == format == "PPM" and Path(name).suffix.lower() in WITHOUT_COLOURS:
        if Path(name).suffix.lower() != GRAY or not keep_gray:
            name = Path(name).stem + (GRAY if keep_gray else _SUFFIXES["PPM"][0])
        return name, written
    if (written == format or written != "PNG") if not wanted else Path(name).suffix.lower() in _SUFFIXES[written]:
        return name, written
    known = has_image_name(Path(name))
    return (Path(name).stem if known else name) + _SUFFIXES[written][0], written


def format_of_name(name: str) -> str:
    """Return the format that the suffix of an output's name asks for; "" if it is none that is written."""
    suffix = Path(name).suffix.lower()
    return next((format for format, suffixes in _SUFFIXES.items() if suffix in suffixes), "")


def likely_format(name: str) -> str:
    """Return Pillow's name of the format that a picture of this name has most likely; "" if the name does not say."""
    return format_of_name(name) or _READ_ONLY_SUFFIXES.get(Path(name).suffix.lower(), "")


def understood(
    *,
    format: str = KEEP,
    quality: int = 0,
    alpha: str = KEEP,
    keep_gray: bool = False,
    frames: str = ALL,
    depth: int = 8,
) -> Wanted:
    """Return what the user's options, which have been checked, ask for.

    Args:
        format: ``keep``, ``jpg``, ``png``, ``webp``, ``avif`` or ``tiff``.
        quality: Of JPEG, WebP and AVIF, 1 to 100; 0 leaves it open.
        alpha: ``keep`` or ``flatten``.
        keep_gray: Whether gray pictures stay gray.
        frames: ``all`` or ``first``.
        depth: 8 or 16.

    Raises:
        UsageError: If the format cannot be written here.
        UnavailableError: If what 16 bits take is not installed.
    """
    if depth == 16 and not is_installed():
        raise UnavailableError("--depth 16 needs imagecodecs and tifffile, which are not installed", INSTALL)
    wanted = _CHOICES.get(format, "")
    if wanted and not can_write(wanted):
        raise UsageError(f"this build of Pillow cannot write {format}", "use another --format")
    return Wanted(
        format=wanted,
        quality=quality,
        flatten=alpha == "flatten",
        keep_gray=keep_gray,
        first_frame=frames == "first",
        depth=depth,
    )


def described(wanted: Wanted) -> str:
    """Return what is wanted in a few words, a space before each, as the journal keeps it."""
    words = {
        f"format={wanted.format}": wanted.format,
        f"quality={wanted.quality}": wanted.quality,
        "flat": wanted.flatten,
        "gray": wanted.keep_gray,
        "first": wanted.first_frame,
        f"depth={wanted.depth}": wanted.depth > 8,
    }
    return "".join(f" {word}" for word, is_wanted in words.items() if is_wanted)
