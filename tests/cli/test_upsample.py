"""``--upsample``: how what the network changed at a smaller size is carried over."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgtrans.images.decode import decode
from imgtrans.zoo.store import Model
from tests.conftest import Ended
from tests.pictures import save

Cli = Callable[..., Ended]


@pytest.fixture
def run(cli: Cli, tiny: Model) -> Cli:
    """Run ``imgtrans run`` with the tiny model on the CPU."""
    return lambda *arguments: cli("run", "--model", "tiny", "--device", "cpu", *arguments)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A picture."""
    return save(tmp_path / "photos" / "a.png", 96, 64)


def test_the_two_ways_make_two_pictures_and_guided_is_the_default(run: Cli, picture: Path):
    made = {}
    for way in ("guided", "bicubic", ""):
        output = picture.with_name(f"out{way}.png")
        assert run(picture, "--size", "32", "-o", output, *(["--upsample", way] if way else [])).code == 0
        with Image.open(output) as image:
            made[way] = np.asarray(image)
    assert np.array_equal(made["guided"], made[""])
    assert not np.array_equal(made["guided"], made["bicubic"])
    assert not np.array_equal(made["guided"], decode(picture).pixels)


def test_outputs_of_the_other_way_are_redone(run: Cli, picture: Path):
    folder = picture.parent
    assert "1 translated" in run(folder, "--size", "32").err
    assert "1 done before" in run(folder, "--size", "32", "--upsample", "guided").err
    assert "1 translated" in run(folder, "--size", "32", "--upsample", "bicubic").err
    assert "1 done before" in run(folder, "--size", "32", "--upsample", "bicubic").err


def test_at_the_pictures_own_size_there_is_nothing_to_carry_over(run: Cli, picture: Path):
    folder = picture.parent
    assert "1 translated" in run(folder, "--size", "native").err
    assert "1 done before" in run(folder, "--size", "native", "--upsample", "bicubic").err


def test_another_way_is_refused(run: Cli, picture: Path):
    ended = run(picture.parent, "--upsample", "lanczos")
    assert ended.code == 2
    assert "--upsample is 'lanczos'" in ended.err
    assert "guided or bicubic" in ended.err
