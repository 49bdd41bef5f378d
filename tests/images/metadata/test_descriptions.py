import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from imgtrans.images.decode import decode_frames
from imgtrans.images.encode import encode_frames
from imgtrans.images.metadata.descriptions import true_description
from imgtrans.protocols import Wanted

IMAGEJ = b"ImageJ=1.54f\nimages=6\nslices=6\nunit=micron\nspacing=0.5\nloop=false\nmin=0.0\nmax=65535.0\n"


def described_again(path: Path, **wanted: object) -> str:
    encode_frames(decode_frames(path), path.with_name("again.tif"), Wanted(**wanted))
    with Image.open(path.with_name("again.tif")) as image:
        return image.getexif().get(270, "")


@pytest.mark.parametrize(
    ("text", "bits", "stays"),
    [(b"A summer day\0", 8, True), (b"", 8, True), (b"OME and ImageJ are programs\0", 8, True)],
)
def test_what_people_write_stays(text: bytes, bits: int, stays: bool) -> None:
    assert (true_description(text, (64, 48), 3, bits, 1) == text) is stays


def test_imagejs_lines_on_pixels_go_and_the_others_stay() -> None:
    kept = b"ImageJ=1.54f\nslices=6\nunit=micron\nspacing=0.5\nloop=false\n\0"
    assert true_description(IMAGEJ + b"\0", (64, 48), 3, 8, 6) == kept
    assert true_description(IMAGEJ, (64, 48), 3, 8, 1) == kept.replace(b"slices=6\n", b"")


@pytest.mark.parametrize(
    ("dtype", "photometric", "stays"), [("u1", "rgb", True), ("u1", "minisblack", False), ("u2", "rgb", False)]
)
def test_ome_xml_is_carried_where_it_is_true(dtype: str, photometric: str, stays: bool, tmp_path: Path) -> None:
    pixels = np.zeros((48, 64, 3) if photometric == "rgb" else (48, 64), dtype)
    tifffile.imwrite(tmp_path / "a.ome.tif", pixels, photometric=photometric, ome=True)
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as tiff:
        before = tiff.pages[0].description
    assert "<OME" in before
    assert described_again(tmp_path / "a.ome.tif") == (before if stays else "")


def test_ome_xml_of_more_planes_than_are_written_goes(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.ome.tif", np.zeros((4, 48, 64, 3), "u1"), photometric="rgb", ome=True)
    assert "SizeZ" in described_again(tmp_path / "a.ome.tif") or "SizeT" in described_again(tmp_path / "a.ome.tif")
    first = decode_frames(tmp_path / "a.ome.tif", first_only=True)
    encode_frames(first, tmp_path / "first.tif")
    with Image.open(tmp_path / "first.tif") as image:
        assert 270 not in image.getexif()


def test_a_shape_that_is_another_goes_and_what_stands_with_it_stays(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((48, 64), "u2"), metadata={"sample": "7b"})
    assert json.loads(described_again(tmp_path / "a.tif")) == {"sample": "7b"}
    tifffile.imwrite(tmp_path / "b.tif", np.zeros((48, 64, 3), "u1"), photometric="rgb")
    assert json.loads(described_again(tmp_path / "b.tif")) == {"shape": [48, 64, 3]}


@pytest.mark.parametrize("text", [b'{"shape": 5}', b'{"shape": [', b'{"shape": ["a"]}'])
def test_a_malformed_shape_goes(text: bytes) -> None:
    assert true_description(text, (64, 48), 3, 8, 1) == b""
