"""A JPEG that lacks only its end marker is whole; one that lacks more is cut off, as before."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgtrans.errors import ImageError
from imgtrans.images.decode import decode

KINDS = [
    {"subsampling": 0},
    {"subsampling": 2},
    {"progressive": True},
    {"progressive": True, "subsampling": 0},
    {"restart_marker_blocks": 2},
    {"optimize": True},
]


@pytest.fixture
def scene() -> np.ndarray:
    """A picture (90, 130, 3) that is different everywhere, down to its last block."""
    y, x = np.mgrid[0:90, 0:130]
    noise = np.random.default_rng(1).integers(0, 40, (90, 130))
    return np.stack([x + noise, y * 2 + noise, 255 - x - noise], axis=-1).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("options", KINDS)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("tail", [0, 1])
def test_a_jpeg_without_its_end_marker_is_read(
    options: dict[str, int], mode: str, tail: int, tmp_path: Path, scene: np.ndarray
) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(scene).convert(mode).save(path, "JPEG", quality=90, dpi=(300, 300), **options)
    whole = decode(path)
    content = path.read_bytes()
    assert content.endswith(b"\xff\xd9")
    path.write_bytes(content[: len(content) - 2 + tail])
    picture = decode(path)
    assert np.array_equal(picture.pixels, whole.pixels)
    assert picture.keep == whole.keep


@pytest.mark.parametrize("options", KINDS)
@pytest.mark.parametrize("cut", [4, 8, 40, 200, 1000])
def test_a_jpeg_that_lacks_more_is_refused(
    options: dict[str, int], cut: int, tmp_path: Path, scene: np.ndarray
) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(scene).save(path, "JPEG", quality=90, **options)
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(ImageError, match=r"a\.jpg cannot be decoded: image file is truncated"):
        decode(path)


def test_a_progressive_jpeg_that_lacks_whole_scans_is_refused(tmp_path: Path, scene: np.ndarray) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(scene).save(path, "JPEG", quality=90, progressive=True)
    content = path.read_bytes()
    scans = [at for at in range(len(content)) if content[at : at + 2] == b"\xff\xda"]
    for scan in scans[2:]:
        end = content.rfind(b"\xff\xc4", 0, scan) if b"\xff\xc4" in content[scans[0] : scan] else scan
        path.write_bytes(content[: max(end, scans[1])])
        with pytest.raises(ImageError, match="truncated"):
            decode(path)


def test_what_is_no_jpeg_behind_its_first_bytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    for content in (b"\xff\xd8\xff", b"\xff\xd8\xff\xe0", b"\xff\xd8\xff\xda\0\x02", b"\xff\xd8" + b"\xff" * 50):
        path.write_bytes(content)
        with pytest.raises(ImageError):
            decode(path)
