"""What is changed about crops is drawn from the seed and their number, and nothing is where nothing is asked for."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from imgtrans.training.data.augment import Augmentation, Change
from imgtrans.training.data.dataset import ImageDataset, RandomCrops
from imgtrans.training.data.reading import ReadAhead

ALL = Augmentation(flip=False, colour_jitter=0.3, rotate=15.0)


def crops(data: Path, augmentation: Augmentation) -> RandomCrops:
    return RandomCrops(ImageDataset(data), 32, 1.5, 3, augmentation)


def plain(side: int, colour: tuple[int, int, int] = (200, 120, 40)) -> Image.Image:
    return Image.new("RGB", (side, side), colour)


def test_a_changed_crop_depends_on_seed_and_number_only_in_whatever_order(data: Path):
    first = crops(data, ALL)
    items = [first[n] for n in range(9)]
    again = crops(data, ALL)
    for n in random.Random(1).sample(range(9), 9):
        assert torch.equal(again[n]["A"], items[n]["A"]) and torch.equal(again[n]["B"], items[n]["B"])
    other = RandomCrops(ImageDataset(data), 32, 1.5, 4, ALL)
    assert first.cuts(2)[0].change != other.cuts(2)[0].change


def test_processes_that_read_give_the_same(data: Path):
    one = crops(data, ALL)
    with_readers = ReadAhead(one, range(4), batch_size=1, workers=1, pin_memory=False, stop=lambda: False, lost=print)
    try:
        for n, batch in enumerate(with_readers):
            assert torch.equal(batch["A"][0], one[n]["A"]) and torch.equal(batch["B"][0], one[n]["B"])
    finally:
        with_readers.close()


@pytest.mark.parametrize("augmentation", [Augmentation(colour_jitter=0.5), Augmentation(rotate=20.0), ALL])
def test_a_change_moves_no_crop(data: Path, augmentation: Augmentation):
    without, changed = crops(data, Augmentation()), crops(data, augmentation)
    for n in range(20):
        for one, other in zip(without.cuts(n), changed.cuts(n), strict=True):
            assert one.change is None and other.change is not None
            assert replace(other, change=None, flip=one.flip) == one


def test_both_domains_are_changed_each_in_its_own_way(data: Path):
    one, other = crops(data, ALL).cuts(5)
    assert one.change != other.change


def test_without_flips_none_is_mirrored_and_nothing_else_is_different(data: Path):
    with_flips, without = crops(data, Augmentation()), crops(data, Augmentation(flip=False))
    cuts = [cut for n in range(20) for cut in with_flips.cuts(n)]
    assert 5 < sum(cut.flip for cut in cuts) < 35
    assert [cut for n in range(20) for cut in without.cuts(n)] == [replace(cut, flip=False) for cut in cuts]


def test_factors_and_angles_are_in_their_range_and_reach_its_ends():
    changes = [change for n in range(300) if (change := ALL.draw(0, n, "A"))]
    assert max(change.angle for change in changes) > 14 and min(change.angle for change in changes) < -14
    for name in ("brightness", "contrast", "saturation"):
        factors = [getattr(change, name) for change in changes]
        assert 0.7 <= min(factors) < 0.72 and 1.28 < max(factors) <= 1.3


@pytest.mark.parametrize("angle", [-90, -45, -12.3, 0.01, 7, 30, 45, 90])
@pytest.mark.parametrize("side", [32, 33])
def test_a_turned_crop_has_no_corner_of_nothing(angle: float, side: int):
    change = Change(angle, 1, 1, 1)
    made = change.made_of(plain(change.widened(side)), side)
    assert made.size == (side, side)
    assert made.getcolors() == [(side * side, (200, 120, 40))]


def test_a_turn_turns():
    change = Change(90.0, 1, 1, 1)
    wide = change.widened(32)
    half = Image.new("RGB", (wide, wide), "white")
    half.paste("black", (0, 0, wide // 2, wide))
    made = np.array(change.made_of(half, 32))[:, :, 0]
    assert made[:14].min() == 255 and made[18:].max() == 0  # counter-clockwise: what was left is below


@pytest.mark.parametrize(
    ("change", "colour"),
    [
        (Change(0, 0.5, 1, 1), (100, 60, 20)),
        (Change(0, 1, 0, 1), (135, 135, 135)),  # luminance 134.8
        (Change(0, 1, 1, 0), (135, 135, 135)),
        (Change(0, 1, 1, 1), (200, 120, 40)),
    ],
)
def test_each_factor_does_its_part(change: Change, colour: tuple[int, int, int]):
    assert change.made_of(plain(32), 32).getpixel((5, 5)) == colour
