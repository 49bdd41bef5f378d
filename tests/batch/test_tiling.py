"""Pictures that are too large for memory are streamed, with the result that they would have whole."""

import contextlib
import errno
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from imgtrans import memory
from imgtrans.batch.asked import Request
from imgtrans.batch.engine import Engine
from imgtrans.batch.request import prepare
from imgtrans.batch.run import run
from imgtrans.errors import FilesError, UsageError
from imgtrans.executors.given import Given
from imgtrans.executors.local import LocalExecutor
from imgtrans.streaming.steps import Convolution
from imgtrans.streaming.store import _Filed
from imgtrans.zoo.store import Model
from tests.batch.test_run import Listener
from tests.executors.test_worker import item_for


@pytest.fixture(autouse=True)
def _memory_is_all_for_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the processes take by themselves does not count, so that little memory is enough to run and to be short."""
    monkeypatch.setattr(memory, "resident_memory", lambda: 0)
    monkeypatch.setattr(memory, "WORKER_BYTES", 0)


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
    problems, streamed = translated(photos, tiling=tiling, memory="600KB", scratch=scratch)
    assert not problems
    assert {*streamed} == {*whole} == {"large.png", "small.png"}
    assert all(np.abs(streamed[name] - whole[name]).max() <= 1 for name in whole)
    assert not list(scratch.iterdir())


def test_without_streaming_what_is_too_large_is_refused(photos: Path) -> None:
    problems, done = translated(photos, tiling="off", memory="600KB")
    assert {*done} == {"small.png"}
    assert "--size" in problems[0]


def test_a_picture_for_which_even_strips_are_too_large_fails_alone(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "HELD_BYTES_PER_PIXEL", 24)
    problems, done = translated(photos, memory="300KB")
    assert {*done} == {"small.png"}
    assert "large.png could not be translated: a picture 92 pixels wide needs" in problems[0]


def test_a_picture_that_cannot_be_read_and_written_in_the_memory_is_not_tried(photos: Path) -> None:
    problems, done = translated(photos, memory="200KB")
    assert {*done} == {"small.png"}
    assert "large.png takes 1 MB of memory to be read and written, and 1 MB may be taken" in problems[0]


def test_too_little_room_for_scratch_fails_the_picture_and_not_the_run(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=1000))
    problems, done = translated(photos, memory="300KB")
    assert {*done} == {"small.png"}
    assert "a scratch file of" in problems[0]


def test_a_scratch_disk_that_gets_full_fails_the_picture_and_not_the_run(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: _Filed, row: int, rows: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(_Filed, "write", full)
    problems, done = translated(photos, memory="300KB")
    assert {*done} == {"small.png"}
    assert "the scratch file cannot be written: No space left on device" in problems[0]


@pytest.mark.parametrize("error", [MemoryError, torch.OutOfMemoryError])
def test_memory_that_runs_out_in_spite_of_the_plan_fails_the_picture_and_not_the_run(
    photos: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def short(self: Convolution, rows: torch.Tensor, start: int, stop: int) -> torch.Tensor:
        raise error("out of memory")

    monkeypatch.setattr(Convolution, "make", short)
    problems, done = translated(photos, memory="600KB")
    assert {*done} == {"small.png"}
    assert "large.png does not fit" in problems[0]


def test_less_memory_than_imgtrans_takes_by_itself_is_refused(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "resident_memory", lambda: 300_000_000)
    with pytest.raises(UsageError, match="--memory allows 200 MB, and imgtrans itself takes 300 MB here"):
        translated(photos, memory="200MB")


def test_how_far_a_streamed_picture_is_gets_told_and_so_does_scratch_in_main_memory(
    photos: Path, tiny: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imgtrans.streaming.streamer.is_ram_backed", lambda folder: True)
    told: list[float] = []
    said: list[str] = []
    with Engine(
        tiny, None, "cpu", "float32", 0, memory=300_000, scratch=tmp_path, progress=told.append, warn=said.append
    ) as engine:
        items = [item_for(path) for path in (photos / "large.png", photos / "large.png")]
        with contextlib.closing(LocalExecutor(Given(engine))) as executor:
            outcomes = [outcome for group in executor.run(items) for outcome in group]
    assert [outcome.error for outcome in outcomes] == ["", ""]
    assert told.count(1.0) == 2
    assert len(said) == 1


def test_what_cannot_be_followed_is_refused(photos: Path) -> None:
    with pytest.raises(UsageError, match="--tiling is 'quick'"):
        prepare(Request([photos], "tiny", tiling="quick"))
    with pytest.raises(UsageError, match="--memory is 'much'"):
        prepare(Request([photos], "tiny", memory="much"))
    with pytest.raises(FilesError, match="there is no folder"):
        prepare(Request([photos], "tiny", scratch=photos / "nowhere"))
