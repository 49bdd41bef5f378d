"""Colours told by code points (CICP, H.273) instead of a profile, as PNG, AVIF and HEIC do: a profile for them."""

import struct
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

_SRGB, _UNKNOWN = 1, (0, 2)
_LIKE_SRGB = (0, 1, 2, 6, 7, 11, 12, 13, 14, 15)  # transfer: video's curves, too, are shown as sRGB's is
_GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0, 17: 2.6}
_BRIGHTER_THAN_WHITE = {16: "PQ", 18: "HLG"}
_D65, _CENTRE, _DCI = (0.3127, 0.3290), (0.310, 0.316), (0.314, 0.351)
# Primaries: x and y of red, green, blue and white
_PRIMARIES = {
    1: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65),  # BT.709, sRGB
    4: ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), _CENTRE),
    5: ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), _D65),
    6: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),
    7: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),
    8: ((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), _CENTRE),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),  # BT.2020
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _DCI),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),  # Display P3
    22: ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), _D65),
}
_NAMES = {9: "BT.2020", 11: "DCI-P3", 12: "Display P3"}
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_D50 = np.array([0.9642, 1.0, 0.8249])  # what profiles are relative to
_STEPS = 4096


@dataclass(frozen=True)
class CodePoints:
    """What a file says of its colours.

    Attributes:
        primaries: Which red, green, blue and white are meant.
        transfer: How values follow from light.
        full_range: Whether the least and the largest value are black and white; else 16 and 235 of 255 are.
    """

    primaries: int
    transfer: int
    full_range: bool = True

    @property
    def problem(self) -> str:
        """Why such colours are not brought to sRGB, in words that follow "is"; "" if they are."""
        where = f", {_NAMES[self.primaries]}" if self.primaries in _NAMES else ""
        if self.transfer in _BRIGHTER_THAN_WHITE:
            name = _BRIGHTER_THAN_WHITE[self.transfer]
            return f"an HDR picture ({name}{where}), brighter than sRGB has room for: export it as SDR first"
        if self.primaries not in (*_PRIMARIES, *_UNKNOWN) or self.transfer not in (*_LIKE_SRGB, *_GAMMAS):
            return f"in a colour space that is not known here (CICP {self.primaries}/{self.transfer})"
        return ""

    @property
    def profile(self) -> bytes:
        """The ICC profile of such colours; b"" if they are sRGB's, or nothing is said of them.

        Raises:
            KeyError: If there is a problem.
        """
        if self.primaries in (_SRGB, *_UNKNOWN) and self.transfer in _LIKE_SRGB and self.full_range:
            return b""
        return _profile(_SRGB if self.primaries in _UNKNOWN else self.primaries, self.transfer, self.full_range)


@cache
def _profile(primaries: int, transfer: int, full_range: bool) -> bytes:
    colorants = dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), _colorants(primaries).T, strict=True))
    curve = np.rint(_light(transfer, full_range) * 65535).astype(">u2").tobytes()
    curves = dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), b"curv" + bytes(4) + struct.pack(">I", _STEPS) + curve)
    name = b"Colours of code points"
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", len(name) + 1) + name + bytes(1 + 78),
        b"cprt": b"text" + bytes(4) + b"No copyright\0",
        b"wtpt": _xyz(_D50),
        **{tag: _xyz(value) for tag, value in colorants.items()},
        **curves,
    }
    table, data, offset = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for tag, content in tags.items():
        table += struct.pack(">4sII", tag, offset + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    header = struct.pack(">I4sI4s4s4s", 128 + len(table) + len(data), b"", 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    header += struct.pack(">6H4s", 2000, 1, 1, 0, 0, 0, b"acsp") + bytes(28) + _xyz(_D50)[8:]
    return header.ljust(128, b"\0") + table + data


def _light(transfer: int, full_range: bool) -> NDArray[np.float64]:
    """Return the light, 0 to 1, of values from the least to the largest that can be stored."""
    value = np.linspace(0, 1, _STEPS)
    if not full_range:
        value = ((value * 255 - 16) / 219).clip(0, 1)
    if transfer in _LIKE_SRGB:
        return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return value ** _GAMMAS[transfer]


def _colorants(primaries: int) -> NDArray[np.float64]:
    """Return XYZ of red, green and blue as columns, seen in the light of D50."""
    *corners, white = ([x / y, 1.0, (1 - x - y) / y] for x, y in _PRIMARIES[primaries])
    matrix = np.array(corners).T
    matrix = matrix * np.linalg.solve(matrix, white)
    cones = _BRADFORD @ _D50 / (_BRADFORD @ white)
    adapted: NDArray[np.float64] = np.linalg.inv(_BRADFORD) @ np.diag(cones) @ _BRADFORD @ matrix
    return adapted


def _xyz(values: NDArray[np.float64]) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(float(value) * 65536) for value in values))
