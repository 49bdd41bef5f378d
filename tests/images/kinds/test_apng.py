"""Frames of an APNG are compared with what its specification says, worked out in floats."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from imgtrans.images.decode import decode_frames

NONE, BACKGROUND, PREVIOUS = PngImagePlugin.Disposal
SOURCE, OVER = PngImagePlugin.Blend
SIZE = (8, 6)


def over(source: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Lay one picture (H, W, 4) over another, as the specification of PNG says."""
    a, b = source[..., 3:] / 255, below[..., 3:] / 255
    alpha = a + b * (1 - a)
    colour = (source[..., :3] * a + below[..., :3] * b * (1 - a)) / np.maximum(alpha, 1e-9)
    return np.concatenate([np.where(alpha > 0, colour, 0), alpha * 255], axis=-1)


def seen(frames: list[np.ndarray], disposals: list[int], blends: list[int]) -> list[np.ndarray]:
    canvas, shown = np.zeros((*SIZE[::-1], 4)), []
    for number, (frame, disposal, blend) in enumerate(zip(frames, disposals, blends, strict=True)):
        picture = over(frame, canvas) if blend == OVER else frame.astype(float)
        shown.append(picture)
        if disposal == BACKGROUND or (disposal == PREVIOUS and number == 0):
            canvas = np.zeros_like(canvas)
        elif disposal == NONE:
            canvas = picture
    return shown


@pytest.mark.parametrize("disposals", [*itertools.product([NONE, BACKGROUND, PREVIOUS], repeat=2)])
@pytest.mark.parametrize("blends", [(OVER, OVER, OVER), (SOURCE, OVER, OVER), (SOURCE, OVER, SOURCE)])
def test_frames_are_laid_over_one_another(disposals: tuple[int, int], blends: tuple[int, ...], tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    frames = [draw.integers(0, 256, (*SIZE[::-1], 4)).astype(np.uint8) for _ in range(3)]
    for frame, alpha in zip(frames, (255, 128, 64), strict=True):
        frame[:3, :, 3] = alpha
    path, every = tmp_path / "a.png", [*disposals, NONE]
    first, *others = (Image.fromarray(frame) for frame in frames)
    first.save(path, save_all=True, append_images=others, duration=100, disposal=every, blend=[*blends])
    for picture, expected in zip(decode_frames(path), seen(frames, every, [*blends]), strict=True):
        assert picture.alpha is not None
        assert np.abs(picture.alpha - expected[..., 3]).max() <= 1.5
        visible = expected[..., 3] > 24  # the less there is to see, the less exact is its colour in 8 bits
        assert np.abs(picture.pixels - expected[..., :3])[visible].max() <= 8
    assert not np.array_equal(frames[1], frames[0])


def test_what_is_opaque_stays_so_under_half_transparent_frames(tmp_path: Path) -> None:
    opaque, half = (Image.new("RGBA", SIZE, (200, 100, 0, alpha)) for alpha in (255, 128))
    half.putpixel((0, 0), (0, 0, 0, 1))  # a frame that is like the one before is not written
    opaque.save(tmp_path / "a.png", save_all=True, append_images=[half], duration=100, disposal=NONE, blend=OVER)
    for picture in decode_frames(tmp_path / "a.png"):
        assert picture.alpha is not None
        assert (picture.alpha == 255).all()


def test_a_picture_for_those_who_know_no_animation_is_no_part_of_it(tmp_path: Path) -> None:
    apart, red, half = (
        Image.new("RGBA", SIZE, colour) for colour in ((0, 0, 255, 255), (255, 0, 0, 255), (0, 255, 0, 128))
    )
    path = tmp_path / "a.png"
    apart.save(path, save_all=True, append_images=[red, half], default_image=True, duration=100, blend=OVER)
    first, second, third = decode_frames(path)
    assert (first.pixels == (0, 0, 255)).all()
    assert (second.pixels == (255, 0, 0)).all()
    assert np.abs(third.pixels.astype(int) - (127, 128, 0)).max() <= 1
    assert third.alpha is not None
    assert (third.alpha == 255).all()
