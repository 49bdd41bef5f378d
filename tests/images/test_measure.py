"""What a picture will take, from its header alone."""

from pathlib import Path

import pytest
from PIL import Image

from imgtrans.errors import ImageError
from imgtrans.images.measure import BYTES_PER_PIXEL, Extent, measure
from imgtrans.protocols import Wanted
from tests.pictures import save


def test_it_goes_by_pixels(tmp_path: Path) -> None:
    assert measure(save(tmp_path / "a.png", 30, 20), Wanted()) == Extent(600, 600 * BYTES_PER_PIXEL)


def test_all_frames_count_unless_only_the_first_is_wanted(tmp_path: Path) -> None:
    frames = [Image.new("L", (10, 10), shade) for shade in (0, 100, 200)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    one, all_frames = (measure(tmp_path / "a.gif", Wanted(first_frame=first)) for first in (True, False))
    assert all_frames == Extent(3 * one.pixels, 3 * one.memory)


def test_the_format_that_takes_more_decides_of_the_two(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", 30, 20)
    wanted = (Wanted(format="AVIF"), Wanted(format="WEBP"), Wanted())
    assert [measure(path, one).memory // 600 for one in wanted] == [56, 28, 24]


def test_what_is_no_picture_or_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="more than the limit of 599"):
        measure(save(tmp_path / "a.png", 30, 20), Wanted(), 599)
    (tmp_path / "b.png").write_bytes(b"nothing")
    with pytest.raises(ImageError, match=r"b\.png"):
        measure(tmp_path / "b.png", Wanted())
