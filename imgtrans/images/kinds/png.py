"""PNG files as Pillow opens them: without chunks for which it would refuse the picture; and what it does not read."""

import os
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from imgtrans.images.kinds.chunks import SIGNATURE, Chunk, Without, chunks, content_of, is_whole
from imgtrans.images.metadata.pngtext import too_long

if TYPE_CHECKING:
    from imgtrans.images.cicp import CodePoints

_ANCILLARY = 0x20  # this bit of a chunk's name says that the picture can be had without it
_OF_ANIMATION = (b"acTL", b"fcTL", b"fdAT")  # without them it would be another picture


def code_points(path: Path) -> "CodePoints | None":
    """Return what a PNG says of its colours by code points, None if it does not.

    Raises:
        OSError: If the file cannot be read.
    """
    from imgtrans.images.cicp import CodePoints  # noqa: PLC0415 - it takes numpy, and to plan a run takes none

    with path.open("rb") as file:
        for chunk in chunks(file):
            if chunk[0] == b"IDAT":  # it would have to stand before
                return None
            if chunk[0] == b"cICP" and chunk[2] == 4 and is_whole(file, chunk):
                primaries, transfer, matrix, full_range = content_of(file, chunk)
                return CodePoints(primaries, transfer, bool(full_range)) if matrix == 0 else None
    return None


def readable(file: BinaryIO) -> BinaryIO:
    """Return a PNG without what Pillow would refuse it for; the file itself if there is nothing of that.

    Those are ancillary chunks whose checksum is wrong, which the format's reference leaves out, too, and texts that
    are too long to be read.

    Args:
        file: The file, which has to stay open as long as what is returned is used.
    """
    if file.read(len(SIGNATURE)) != SIGNATURE:
        file.seek(0)
        return file
    found = [chunk for chunk in chunks(file) if chunk[0][0] & _ANCILLARY]
    damaged = [chunk for chunk in found if chunk[0] not in _OF_ANIMATION and not is_whole(file, chunk)]
    gone: list[Chunk] = sorted({*damaged, *too_long(file, found)}, key=lambda chunk: chunk[1])
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    return BufferedReader(Without(file, size, gone)) if gone else file
