"""ICC profiles and pictures that the tests of pictures share."""

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def icc_profile(kind: bytes, space: bytes, pcs: bytes, tags: dict[bytes, bytes]) -> bytes:
    """Put an ICC profile of version 2 together."""
    table, data, offset = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += struct.pack(">4sII", name, offset + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    header = struct.pack(">I4sI4s4s4s", 128 + len(table + data), b"", 0x02400000, kind, space, pcs)
    header += struct.pack(">6H4s", 2020, 1, 1, 0, 0, 0, b"acsp") + bytes(28)
    header += struct.pack(">3i", *(round(value * 65536) for value in (0.9642, 1.0, 0.8249)))
    return header.ljust(128, b"\0") + table + data


def _xyz(*values: float) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(value * 65536) for value in values))


def _gamma(value: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(value * 256))


_WORDS = {
    b"desc": b"desc" + bytes(4) + struct.pack(">I", 5) + b"test\0" + bytes(78),
    b"cprt": b"text" + bytes(4) + b"none\0",
    b"wtpt": _xyz(0.9642, 1.0, 0.8249),
}


@pytest.fixture
def adobe_rgb() -> bytes:
    """Adobe RGB (1998): wider than sRGB, gamma 2.2."""
    colorants = {
        b"rXYZ": _xyz(0.60974, 0.31111, 0.01947),
        b"gXYZ": _xyz(0.20528, 0.62567, 0.06087),
        b"bXYZ": _xyz(0.14919, 0.06322, 0.74457),
    }
    curves = dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _gamma(2.19921875))
    return icc_profile(b"mntr", b"RGB ", b"XYZ ", _WORDS | colorants | curves)


@pytest.fixture
def linear_gray() -> bytes:
    """A gray scale that is linear in light."""
    return icc_profile(b"mntr", b"GRAY", b"XYZ ", _WORDS | {b"kTRC": _gamma(1.0)})


@pytest.fixture
def gray_inks() -> bytes:
    """A press whose four inks are all black: lightness is the product of what each lets through."""
    grid = b"".join(bytes([255 * (not any(map(int, f"{n:04b}"))), 128, 128]) for n in range(16))
    identity = bytes(range(256))
    matrix = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix + identity * 4 + grid + identity * 3
    return icc_profile(b"prtr", b"CMYK", b"Lab ", _WORDS | {b"A2B0": table})


@pytest.fixture
def photo() -> np.ndarray:
    """A smooth picture (48, 64, 3), different in every corner and channel."""
    y, x = np.mgrid[0:48, 0:64]
    return np.stack([x * 4, y * 5, 255 - x * 2 - y * 2], axis=-1).clip(0, 255).astype(np.uint8)


@pytest.fixture
def photo_file(tmp_path: Path, photo: np.ndarray) -> Path:
    """The smooth picture as a PNG."""
    path = tmp_path / "photo.png"
    Image.fromarray(photo).save(path)
    return path
