"""The same pictures are found again: by their files, and by what they look like."""

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgtrans.training.data.alike import fingerprint, look_alikes, same_files
from tests.pictures import noise, save


def detailed(seed: int) -> Image.Image:
    """A picture with shapes of its own, as a photograph has."""
    draw = np.random.default_rng(seed)
    coarse = Image.fromarray(draw.integers(0, 256, (14, 14, 3), dtype=np.uint8))
    return coarse.resize((120, 100), Image.Resampling.BICUBIC)


def saved_again(picture: Image.Image) -> Image.Image:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=60)
    return Image.open(file).convert("RGB")


def alike(a: Image.Image, b: Image.Image) -> bool:
    return look_alikes(fingerprint(a)[None], fingerprint(b)[None]) == [(0, 0)]


@pytest.mark.parametrize("seed", range(5))
def test_a_picture_is_found_again_if_it_was_saved_again_made_smaller_or_a_little_brighter(seed: int):
    picture = detailed(seed)
    assert alike(picture, saved_again(picture))
    assert alike(picture, picture.resize((60, 50), Image.Resampling.LANCZOS))
    assert alike(picture, picture.point(lambda level: min(255, level + 5)))


def test_other_pictures_and_those_of_another_colour_are_not_taken_for_it():
    prints = np.stack([fingerprint(detailed(seed)) for seed in range(40)])
    assert look_alikes(prints, prints, same=True) == []
    flat = [Image.new("RGB", (50, 50), colour) for colour in ("navy", "olive")]
    assert not alike(*flat)
    assert alike(flat[0], flat[0])


def test_each_pair_is_given_once_however_many_are_compared_at_a_time(monkeypatch: pytest.MonkeyPatch):
    pictures = [detailed(0), detailed(1), saved_again(detailed(0)), detailed(2), saved_again(detailed(1)), detailed(0)]
    prints = np.stack([fingerprint(picture) for picture in pictures])
    pairs = [(0, 2), (0, 5), (1, 4), (2, 5)]
    assert look_alikes(prints, prints, same=True) == pairs
    monkeypatch.setattr("imgtrans.training.data.alike._AT_ONCE", 2)
    assert look_alikes(prints, prints, same=True) == pairs


def test_files_of_one_content_are_found_under_any_name(tmp_path: Path):
    first = save(tmp_path / "a" / "1.png", seed=1)
    other = save(tmp_path / "a" / "2.png", seed=2)
    again = Path(shutil.copy(first, tmp_path / "again.png"))
    (group,) = same_files([[first, other], [again]])
    assert group == [(0, first), (1, again)]


def test_files_of_equal_size_are_not_taken_for_the_same(tmp_path: Path):
    files = []
    for shade in (10, 200):
        files.append(tmp_path / f"{shade}.bmp")
        Image.new("RGB", (8, 8), (shade, 0, 0)).save(files[-1])
    assert [*same_files([files[:1], files[1:]])] == []


def test_only_files_of_equal_size_are_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    files = [save(tmp_path / f"{n}.png", width=8 + n, seed=n) for n in range(3)]
    monkeypatch.setattr(Path, "open", lambda *_: pytest.fail("it was opened"))
    assert [*same_files([files])] == []


def test_a_picture_is_as_light_as_its_mean():
    assert np.allclose(fingerprint(noise(64, 64))[256:], np.asarray(noise(64, 64), float).mean((0, 1)), atol=1.5)
