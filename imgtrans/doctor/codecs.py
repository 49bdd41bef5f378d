"""The kinds of pictures that can be read and written here: each is tried."""

import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, features
from PIL import __version__ as pillow

from imgtrans.doctor.finding import GOOD, NOTE, WRONG, Finding
from imgtrans.errors import ImageError
from imgtrans.images.decode import decode
from imgtrans.images.depth import is_installed as has_depth
from imgtrans.images.formats import READABLE
from imgtrans.images.kinds import heif
from imgtrans.images.written import can_write, written_format

_SIDE = 32


def check_codecs() -> Iterator[Finding]:
    """Write a small picture in each format that can be written, and read it again."""
    yield Finding(GOOD, f"Pillow {pillow}{_built_with()}")
    names = [*READABLE, *([heif.NAME] if heif.is_installed() else [])]
    written = [name for name in names if written_format(name) == name]
    broken = []
    with tempfile.TemporaryDirectory(prefix="imgtrans-doctor-") as folder:
        for name in written:
            problem = _tried(name, Path(folder))
            if problem:
                broken.append(name)
                yield Finding(WRONG, f"{name}: {problem}", "install Pillow anew: pip install --force-reinstall pillow")
    both = [name for name in written if name not in broken]
    yield Finding(GOOD, f"read and written: {', '.join(both)}")
    yield Finding(GOOD, f"read, and written as PNG: {', '.join(name for name in names if name not in written)}")
    for name in ("AVIF", "JPEG2000", "WEBP"):
        if not can_write(name):
            yield Finding(
                NOTE,
                f"this build of Pillow writes no {name}; such pictures come out as PNG",
                "install Pillow from a wheel",
            )
    if not heif.is_installed():
        yield Finding(NOTE, "HEIC and HEIF are not read", heif.INSTALL)
    if not has_depth():
        yield Finding(NOTE, "16 bits a channel are read, and written with 8", 'pip install "imgtrans[depth]"')


def _tried(name: str, folder: Path) -> str:
    """Return what is wrong with writing and reading a format; "" if nothing is."""
    content = io.BytesIO()
    path = folder / f"tried.{'tga' if name == 'TGA' else name.lower()}"
    try:
        Image.new("P" if name in ("GIF", "PCX") else "RGB", (_SIDE, _SIDE)).save(content, name)
        path.write_bytes(content.getvalue())
        if decode(path).pixels.shape != (_SIDE, _SIDE, 3):
            return "comes back as another picture"
    except (ImageError, OSError, ValueError, KeyError) as error:
        return " ".join(str(error).split())
    return ""


def _built_with() -> str:
    known = {"libjpeg-turbo": "libjpeg_turbo", "zlib-ng": "zlib_ng"}
    parts = [shown for shown, name in known.items() if features.check(name)]
    return f", with {' and '.join(parts)}" if parts else ""
