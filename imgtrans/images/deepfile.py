"""Pictures of 16 bits a channel as files: PNG and TIFF, with all that Pillow writes into them besides pixels."""

import struct
import zlib
from collections import defaultdict
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from imgtrans.images.deep import TOP
from imgtrans.images.depth import tifffile
from imgtrans.images.metadata.captions import TIFF_IPTC
from imgtrans.protocols import Pixels

_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TIFF_PREDICTOR = 317
_CARRIED = ((700, 1), (TIFF_IPTC, 7))  # XMP and IPTC, with the types that they are written in
# Pillow's names of what can hold 16 bits, to tifffile's
_COMPRESSIONS = {
    "raw": None,
    "tiff_lzw": "lzw",
    "tiff_deflate": "deflate",
    "packbits": "packbits",
    "zstd": "zstd",
    "lzma": "lzma",
}


class DeepImage:
    """A picture that is saved as Pillow's are.

    Args:
        pixels: (H, W) gray or (H, W, 3) sRGB.
        alpha: (H, W), 0 (transparent) to 65535, or None.

    Attributes:
        mode: Pillow's name for what it is, but for the depth.
        size: Width and height.
        info: As Pillow's pictures have one; empty.
    """

    def __init__(self, pixels: Pixels, alpha: Pixels | None = None) -> None:
        channels = np.atleast_3d(pixels)
        self._values = channels if alpha is None else np.dstack([channels, alpha])
        self.mode = _MODES[self._values.shape[2]]
        self.size = (self._values.shape[1], self._values.shape[0])
        self.info: dict[str, Any] = {}

    def save(self, buffer: BytesIO, format: str, **options: Any) -> None:
        """Write the picture, given the options that Pillow takes for PNG and TIFF.

        Raises:
            Exception: Of almost any kind, if that cannot be.
        """
        (self._save_png if format == "PNG" else self._save_tiff)(buffer, **options)

    def _save_png(self, buffer: BytesIO, **options: Any) -> None:
        import imagecodecs  # noqa: PLC0415 - see imgtrans.images.deep

        like = BytesIO()  # with everything that is not pixels
        Image.new(self.mode, (1, 1)).save(like, "PNG", **options)
        values = self._values[..., 0] if self.mode == "L" else self._values
        # The lower eight bits are noise: looking for what repeats makes the file larger, and takes long.
        encoded = imagecodecs.png_encode(np.ascontiguousarray(values), strategy=imagecodecs.PNG.STRATEGY.RLE)
        own: dict[bytes, list[bytes]] = defaultdict(list)
        for name, content in _chunks(bytes(encoded)):
            own[name].append(content)
        buffer.write(_SIGNATURE)
        for name, content in _chunks(like.getvalue()):  # of which one is IDAT
            for put in own.get(name, [content]):
                check = zlib.crc32(put, zlib.crc32(name))
                buffer.write(b"".join([struct.pack(">I", len(put)), name, put, struct.pack(">I", check)]))

    def _save_tiff(self, buffer: BytesIO, **options: Any) -> None:
        tags, across = options["exif"], options.get("x_resolution")
        carried = [(tag, kind, tags[tag]) for tag, kind in _CARRIED if tag in tags]
        tifffile().imwrite(
            buffer,
            self._values[..., 0] if self.mode == "L" else self._values,
            byteorder="<",
            bigtiff=False,
            photometric="rgb" if self.mode.startswith("RGB") else "minisblack",
            planarconfig=None if self.mode == "L" else "contig",
            extrasamples=["unassalpha"] if self.mode.endswith("A") else None,
            compression=_COMPRESSIONS.get(options["compression"], "zlib"),
            predictor=_TIFF_PREDICTOR in tags or options["compression"] == "jpeg",
            metadata=None,
            software=False,
            iccprofile=options.get("icc_profile"),
            resolution=options.get("dpi") or ((across, options["y_resolution"]) if across else None),
            resolutionunit="INCH" if "dpi" in options else "NONE" if across else None,
            extratags=[(tag, kind, len(content), content, True) for tag, kind, content in carried],
        )


def flattened(pixels: Pixels, alpha: Pixels) -> Pixels:
    """Lay a picture (H, W, 3) on white."""
    result, opaque = np.empty_like(pixels), alpha.astype(np.uint32)
    clear = (TOP - opaque) * np.uint32(TOP) + np.uint32(TOP // 2)  # the sum below is just less than 2 ** 32
    for channel in range(3):
        result[..., channel] = (pixels[..., channel] * opaque + clear) // TOP
    return result


def lightness(pixels: Pixels) -> Pixels:
    """Return the lightness, (H, W), of a picture (H, W, 3), as Pillow reckons it."""
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    result: Pixels = np.rint(pixels.astype(np.float32) @ weights).astype(np.uint16)
    return result


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield names and contents of a PNG's chunks."""
    at = len(_SIGNATURE)
    while at < len(content):
        size, name = struct.unpack_from(">I4s", content, at)
        yield name, content[at + 8 : at + 8 + size]
        at += 12 + size
