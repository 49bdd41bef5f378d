"""A picture much larger than what is cut out of it is decoded smaller, and nobody could see it."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgtrans.training.data.crops import Cut, load_rgb, read_crop

PHOTOS = Path(__file__).parents[3] / "examples" / "photos"
NEEDED = 64 * 286 / 256


def large(folder: Path, name: str, kind: str, factor: int = 2) -> Path:
    """Write a photo that is larger than it was, so that there is something to leave out."""
    path = folder / f"{name}.{kind}"
    with Image.open(PHOTOS / f"{name}.jpg") as photo:
        photo.resize((photo.width * factor, photo.height * factor), Image.Resampling.BICUBIC).save(path, quality=90)
    return path


@pytest.mark.parametrize("kind", ["jpg", "png"])
@pytest.mark.parametrize("name", ["aitzgorri", "forest-stream"])
def test_a_crop_of_a_large_photo_looks_like_that_of_all_its_pixels(tmp_path: Path, name: str, kind: str) -> None:
    path = large(tmp_path, name, kind)
    for short_side, across in ((NEEDED, 0.2), (2 * NEEDED, 0.9)):
        cut = Cut(0, short_side, across, 0.5, flip=False)
        of_all, of_less = (
            read_crop([path], cut, 64, load)[0].astype(float)
            for load in (load_rgb, partial(load_rgb, needed=2 * NEEDED))
        )
        assert 10 * np.log10(255**2 / np.square(of_all - of_less).mean()) > 50  # dB


@pytest.mark.parametrize("kind", ["jpg", "png"])
def test_it_is_decoded_at_three_times_the_size_that_is_needed_at_least(tmp_path: Path, kind: str) -> None:
    path = large(tmp_path, "forest-stream", kind, factor=3)
    with Image.open(path) as whole:
        short = min(whole.size)
    for needed in (20.0, 71.5, 150.0, 333.0):
        least = min(load_rgb(path, needed).size)
        assert 3 * needed <= least < 8 * needed or least == short


def test_one_that_is_not_much_larger_stays_as_it_is_to_the_last_bit(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    with Image.open(PHOTOS / "aitzgorri.jpg") as photo:
        photo.resize((500, 429)).save(path)
    assert load_rgb(path, NEEDED + 0.1).tobytes() == load_rgb(path).tobytes()


@pytest.mark.parametrize("name", ["flower-cmyk.jpg", "grayscale.jpg", "moon-16bit.png", "cat-alpha.png"])
def test_other_modes_come_smaller_too(name: str) -> None:
    smaller, whole = load_rgb(PHOTOS / name, 30.0), load_rgb(PHOTOS / name)
    assert (smaller.mode, whole.mode) == ("RGB", "RGB")
    assert 90 <= min(smaller.size) < min(whole.size)
    both = [np.asarray(picture.resize((16, 16), Image.Resampling.BOX), float) for picture in (smaller, whole)]
    assert np.abs(both[0] - both[1]).mean() < 1.5
