"""Structure: kept by a change of colours, lost where things are elsewhere."""

import numpy as np
import pytest

from imgtrans.quality.extractor import Floats
from imgtrans.quality.structure import Gradients, structure_kept
from tests.pictures import noise


def kept(before: Floats, after: Floats) -> float:
    places = Gradients().places
    return float(structure_kept(places(before[None]), places(after[None]))[0])


@pytest.fixture
def picture() -> Floats:
    """Blocks with edges of all directions, on a flat ground."""
    made = np.full((128, 128, 3), 90, np.float32)
    rows, columns = np.mgrid[:128, :128]
    made[(rows - 40) ** 2 + (columns - 40) ** 2 < 900] = (200, 180, 60)
    made[70:110, 60:120] = (40, 60, 160)
    made[rows > 118 + columns // 16] = 250
    return made


def test_a_picture_keeps_its_own_structure(picture: Floats):
    assert kept(picture, picture) == pytest.approx(1)


def test_other_colours_keep_it(picture: Floats):
    assert kept(picture, (picture @ np.array([[0.5, 0.2, 0], [0.3, 0.6, 0.3], [0, 0.2, 0.6]]) + 20).astype("f4")) > 0.9


def test_things_that_are_elsewhere_or_gone_do_not(picture: Floats):
    elsewhere = np.roll(picture, (50, 40), (0, 1))
    assert kept(picture, elsewhere) < 0.5
    assert kept(picture, np.asarray(noise(128, 128), np.float32)) < 0.5
    assert kept(picture, np.full_like(picture, 90)) == 0


def test_a_flat_picture_that_stays_flat_has_lost_nothing():
    flat = np.full((128, 128, 3), 90, np.float32)
    assert kept(flat, flat + 50) == 1
