"""JPEG files that lack nothing but their end."""

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile

_END = b"\xff\xd9"
_BASELINE, _LAST_OF_FRAMES, _NO_FRAMES, _SCAN, _PROGRESSIVE = (
    0xC0,
    0xCF,
    (0xC4, 0xC8, 0xCC),
    0xDA,
    (0xC2, 0xC6, 0xCA, 0xCE),
)
_COEFFICIENTS = 64
# What no decoder can take for the end of a scan: where something is missing, it becomes visible.
_NOISE = np.random.default_rng(0).integers(1, 255, 4096, np.uint8).tobytes()


def without_end(path: Path) -> Image.Image | None:
    """Load a JPEG that Pillow takes for cut off, if only the marker of its end is missing.

    That is so if what stands after it makes no difference: every pixel is there already.

    Returns:
        The picture, loaded; None if more is missing.
    """
    content = path.read_bytes().rstrip(b"\xff")
    if not _all_scans(content):
        return None
    try:
        image, other = (_loaded(content + more + _END) for more in (b"", _NOISE))
    except Exception:  # of almost any kind
        return None
    return image if np.array_equal(np.asarray(image), np.asarray(other)) else None


def _loaded(content: bytes) -> ImageFile.ImageFile:
    image = Image.open(BytesIO(content), formats=("JPEG",))
    image.load()
    return image


def _all_scans(content: bytes) -> bool:
    """Whether all scans have begun that a JPEG needs: a progressive one gives each coefficient in several."""
    missing: dict[int, set[int]] = {}
    progressive, at = False, 2
    while 0 <= at < len(content) - 4:
        marker = content[at + 1]
        length = int.from_bytes(content[at + 2 : at + 4], "big")
        segment = content[at + 4 : at + 2 + length]
        if _BASELINE <= marker <= _LAST_OF_FRAMES and marker not in _NO_FRAMES and len(segment) > 5:
            progressive = marker in _PROGRESSIVE
            missing = {identifier: {*range(_COEFFICIENTS if progressive else 1)} for identifier in segment[6::3]}
        elif marker == _SCAN and segment:
            first, last, steps = segment[-3:] if progressive and len(segment) > 3 else (0, 0, 0)
            if steps & 15 == 0:  # the last of the steps in which their bits come
                for identifier in segment[1 : 1 + 2 * segment[0] : 2]:
                    missing.get(identifier, set()).difference_update(range(first, last + 1))
        at = _marker(content, at + 2 + length)
    return bool(missing) and not any(missing.values())


def _marker(content: bytes, at: int) -> int:
    """Return where the next marker is, past coded data; -1 if there is none."""
    while (at := content.find(b"\xff", at)) >= 0 and at + 1 < len(content):
        if content[at + 1] not in (0, 0xFF) and not 0xD0 <= content[at + 1] <= 0xD7:
            return at
        at += 1
    return -1
