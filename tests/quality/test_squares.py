"""What extractors see: every picture as a run reads it, scaled without aliasing and without rounding."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgtrans.errors import FilesError
from imgtrans.quality.squares import batches, pictures_below, square, together
from tests.pictures import noise, save


def test_a_picture_is_scaled_by_channel_in_floating_point_and_not_rounded():
    pixels = np.asarray(noise(50, 40))
    seen = square(pixels, 16)
    for channel in range(3):
        scaled = Image.fromarray(pixels[..., channel].astype(np.float32), "F").resize(
            (16, 16), Image.Resampling.BICUBIC
        )
        assert np.array_equal(seen[..., channel], np.asarray(scaled).clip(0, 255))
    assert (seen % 1).any()


def test_fine_lines_become_gray_and_no_pattern():
    lines = np.zeros((256, 256, 3), np.uint8)
    lines[:, ::2] = 255
    assert np.abs(square(lines, 32) - 127.5).max() < 8


def test_a_picture_of_the_size_wanted_is_seen_as_it_is():
    pixels = np.asarray(noise(32, 32))
    assert np.array_equal(square(pixels, 32), pixels)


def test_pictures_in_folders_below_are_found_and_too_many_are_drawn_from(tmp_path: Path):
    for n in range(6):
        save(tmp_path / f"part{n % 2}" / f"{n}.png", seed=n)
    (tmp_path / "notes.txt").write_text("none")
    files, there = pictures_below(tmp_path, 100, 0)
    assert len(files) == there == 6
    some, there = pictures_below(tmp_path, 3, 1)
    assert len(some) == 3 and there == 6 and {*some} < {*files}
    assert pictures_below(tmp_path, 3, 1)[0] == some != pictures_below(tmp_path, 3, 2)[0]


def test_a_folder_that_is_not_there_or_holds_none_is_said(tmp_path: Path):
    with pytest.raises(FilesError, match="there is no folder"):
        pictures_below(tmp_path / "gone", 9, 0)
    with pytest.raises(FilesError, match="holds no picture"):
        pictures_below(tmp_path, 9, 0)


def test_pictures_that_break_off_are_left_out_and_named(tmp_path: Path):
    files = [save(tmp_path / f"{n}.png", seed=n) for n in range(40)]
    files[3].write_bytes(files[3].read_bytes()[:60])
    left_out: dict[Path, str] = {}
    read = [*batches(files, [8, 16], left_out)]
    assert [*left_out] == [files[3]] and str(files[3]) in left_out[files[3]]
    assert [len(squares[8]) for squares in read] == [31, 8]
    assert read[0][16].shape == (31, 16, 16, 3)


def test_of_a_pair_that_lacks_one_neither_is_seen(tmp_path: Path):
    before = [save(tmp_path / "a" / f"{n}.png", seed=n) for n in range(3)]
    after = [save(tmp_path / "b" / f"{n}.png", seed=9 + n) for n in range(3)]
    after[1].write_bytes(b"\x89PNG\r\n\x1a\n broken")
    ((seen, count),) = together([*zip(before, after, strict=True)], [8], {})
    assert [len(squares[8]) for squares in seen] == [2, 2]
    assert count == 6


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "CMYK", "I;16", "P"])
def test_pictures_of_any_mode_are_seen(tmp_path: Path, mode: str):
    picture = noise(24, 16)
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257)
        path = tmp_path / "a.png"
    else:
        picture = picture.convert(mode)
        path = tmp_path / "a.tif"
    picture.save(path)
    ((seen, _),) = together([(path,)], [16], {})
    gray = np.asarray(noise(24, 16).convert("L"), np.float32).mean()
    assert seen[0][16].shape == (1, 16, 16, 3)
    assert abs(seen[0][16].mean() - gray) < 25
