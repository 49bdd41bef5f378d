"""Pictures that are too large for memory are streamed, with the result that they would have whole."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgtrans.batch.request import Request, prepare
from imgtrans.batch.run import run
from imgtrans.errors import FilesError, UsageError
from imgtrans.zoo.store import Model
from tests.batch.test_run import Listener


@pytest.fixture
def photos(tmp_path: Path, tiny: Model) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (130, 90, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "large.png")
    Image.fromarray(pixels[:16, :16]).save(folder / "small.png")
    return folder


def translated(photos: Path, **options: object) -> tuple[list[str], dict[str, np.ndarray]]:
    output = photos.with_name("-".join(["out", *map(str, options.values())]).replace("/", "_"))
    report = run(prepare(Request([photos], "tiny", output, device="cpu", size="native", **options)), Listener())  # type: ignore[arg-type]
    return [error for _, error in report.failures], {
        path.name: np.asarray(Image.open(path)).astype(int) for path in output.glob("*.png")
    }


@pytest.mark.parametrize("tiling", ["auto", "exact"])
def test_a_streamed_picture_is_the_one_that_it_would_be_whole(photos: Path, tiling: str, tmp_path: Path) -> None:
    _, whole = translated(photos, tiling="off")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    problems, streamed = translated(photos, tiling=tiling, memory="200KB", scratch=scratch)
    assert not problems
    assert {*streamed} == {*whole} == {"large.png", "small.png"}
    assert all(np.abs(streamed[name] - whole[name]).max() <= 1 for name in whole)
    assert not list(scratch.iterdir())


def test_without_streaming_what_is_too_large_is_refused(photos: Path) -> None:
    problems, done = translated(photos, tiling="off", memory="200KB")
    assert {*done} == {"small.png"}
    assert "--size" in problems[0]


def test_a_picture_for_which_even_strips_are_too_large_fails_alone(photos: Path) -> None:
    problems, _ = translated(photos, memory="20KB")
    assert "large.png does not fit" in problems[0]


def test_what_cannot_be_followed_is_refused(photos: Path) -> None:
    with pytest.raises(UsageError, match="--tiling is 'quick'"):
        prepare(Request([photos], "tiny", tiling="quick"))
    with pytest.raises(UsageError, match="'much' is no amount"):
        prepare(Request([photos], "tiny", memory="much"))
    with pytest.raises(FilesError, match="there is no folder"):
        prepare(Request([photos], "tiny", scratch=photos / "nowhere"))
