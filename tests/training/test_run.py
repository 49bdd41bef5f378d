"""A run's folder: taken once, resumed exactly, even after kill -9."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from filelock import FileLock
from PIL import Image

import imgtrans
from imgtrans.devices import computing_threads
from imgtrans.errors import FilesError, UnavailableError, UsageError
from imgtrans.files import is_temporary, temporary_beside
from imgtrans.training.run import prepare
from imgtrans.training.state import read_state


def never() -> bool:
    return False


def run_to(step: int, data: Path, folder: Path, given: dict[str, Any], *, resume: bool = False) -> bool:
    run = prepare(data, folder, given, resume)
    return run.train(lambda _: None, lambda: run.state.step >= step)


def test_a_run_is_trained_to_its_end(data: Path, folder: Path, tiny: dict[str, Any]):
    assert run_to(1000, data, folder, {**tiny, "steps": 2})
    assert {"checkpoint.pt", "losses.csv", "grids"} <= {path.name for path in folder.iterdir()}


def test_a_stopped_run_is_resumed_with_its_own_options_and_equal_losses(
    data: Path, folder: Path, tmp_path: Path, tiny: dict[str, Any]
):
    assert run_to(1000, data, tmp_path / "unbroken", {**tiny, "steps": 5})
    (tmp_path / "unbroken" / "checkpoint.pt").unlink()  # it is large
    assert not run_to(2, data, folder, {**tiny, "steps": 5})
    resumed = prepare(data, folder, {"workers": 0}, resume=True)
    assert resumed.state.step == 2
    assert (resumed.state.options.ngf, resumed.state.options.crop) == (4, 32)
    assert resumed.train(lambda _: None, never)
    assert (folder / "losses.csv").read_bytes() == (tmp_path / "unbroken" / "losses.csv").read_bytes()


# The script starts the run again and again, each time in a process of its own, and kills each at a random moment.
KILLER = """
import json, os, random, select, signal, sys
from pathlib import Path

import torch

from imgtrans.training.run import prepare

data, folder, given, kills = Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(int(sys.argv[5]))


def train(tell):
    resume = (folder / "checkpoint.pt").exists()
    run = prepare(data, folder, {} if resume else given, resume)
    run.train(lambda _: None, lambda: not os.write(tell, b"."))


for _ in range(kills):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            train(writing)
        finally:
            os._exit(0)
    os.close(writing)
    for _ in range(random.randint(1, 2)):
        os.read(reading, 1)  # a step is over, its checkpoint still to come
    select.select([], [], [], random.uniform(0, 0.3))
    os.kill(child, signal.SIGKILL)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    os.close(reading)
"""


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    """How many threads compute; two passes go side by side if there are two."""
    with computing_threads(request.param):
        yield request.param


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_run_killed_again_and_again_ends_with_the_losses_of_an_unbroken_one(
    data: Path, folder: Path, tmp_path: Path, tiny: dict[str, Any], threads: int
):
    given = {**tiny, "steps": 9, "save_minutes": 0.0, "grid_every": 2}
    assert run_to(1000, data, tmp_path / "unbroken", {**given, "save_minutes": 60.0})
    (tmp_path / "unbroken" / "checkpoint.pt").unlink()  # it is large
    killer = subprocess.run(
        [sys.executable, "-c", KILLER, str(data), str(folder), json.dumps(given), "2", str(threads)],
        env={**os.environ, "PYTHONPATH": str(Path(next(iter(imgtrans.__path__))).parent)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert killer.returncode == 0, killer.stderr
    assert killer.stdout.split()[0] == str(-signal.SIGKILL), killer.stderr
    resume = (folder / "checkpoint.pt").exists()
    assert run_to(1000, data, folder, {} if resume else given, resume=resume)
    assert (folder / "losses.csv").read_bytes() == (tmp_path / "unbroken" / "losses.csv").read_bytes()
    assert read_state(folder / "checkpoint.pt")["step"] == 9
    assert not any(is_temporary(path.name) for path in folder.iterdir())
    for grid in (folder / "grids").glob("step-*.png"):
        assert grid.read_bytes() == (tmp_path / "unbroken" / "grids" / grid.name).read_bytes()


@pytest.mark.parametrize("objective", ["cut", "fastcut", "modern"])
def test_a_run_by_another_objective_goes_on_as_if_it_had_not_been_stopped(
    data: Path, folder: Path, tmp_path: Path, tiny: dict[str, Any], objective: str
):
    del tiny["pool_size"]
    given = {**tiny, "objective": objective, "crop": 64, "steps": 4, "diffaugment": True}
    assert run_to(1000, data, tmp_path / "unbroken", given)
    (tmp_path / "unbroken" / "checkpoint.pt").unlink()  # it is large
    assert not run_to(2, data, folder, given)
    assert run_to(1000, data, folder, {}, resume=True)
    assert (folder / "losses.csv").read_bytes() == (tmp_path / "unbroken" / "losses.csv").read_bytes()
    last = "grids/step-0000004.png"
    assert (folder / last).read_bytes() == (tmp_path / "unbroken" / last).read_bytes()


# -- the disk


@pytest.mark.skipif(os.name == "nt", reason="POSIX limits")
@pytest.mark.parametrize(
    ("what", "options", "full_at"),
    [("a checkpoint", {"save_minutes": 0.0}, 4), ("a grid", {"grid_every": 6}, 5), ("the losses", {}, 9)],
)
def test_where_nothing_more_can_be_written_the_run_ends_and_goes_on_from_its_checkpoint(
    data: Path, folder: Path, tmp_path: Path, tiny: dict[str, Any], what: str, options: dict[str, Any],
    full_at: int,
):  # fmt: skip
    import resource  # not there on Windows

    assert not run_to(3, data, folder, tiny)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    run = prepare(data, folder, options, resume=True)

    def fill() -> bool:
        if run.state.step == full_at:
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
        return False

    try:
        with pytest.raises(FilesError, match="cannot be written any more: File too large") as caught:
            run.train(lambda _: None, fill)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "--resume goes on from the last checkpoint" in caught.value.hint
    assert read_state(folder / "checkpoint.pt")["step"] == 3
    assert not any(is_temporary(path.name) for path in folder.rglob("*"))
    assert run_to(1000, data, folder, {}, resume=True)
    run_to(1000, data, tmp_path / "unbroken", tiny)
    assert (folder / "losses.csv").read_bytes() == (tmp_path / "unbroken" / "losses.csv").read_bytes()


def test_memory_that_does_not_suffice_is_one_sentence(data: Path, folder: Path, tiny: dict[str, Any]):
    def exhausted() -> bool:
        torch.empty(1 << 46)
        return False

    run = prepare(data, folder, tiny, resume=False)
    with pytest.raises(
        UnavailableError, match="memory does not suffice on cpu for a width of 4, crops of 32"
    ) as caught:
        run.train(lambda _: None, exhausted)
    assert "--batch-size" in caught.value.hint


# -- what is refused before the first step


def test_a_folder_that_holds_a_run_already_is_refused(data: Path, folder: Path, tiny: dict[str, Any]):
    (folder / "checkpoint.pt").write_bytes(b"a day of training")
    with pytest.raises(FilesError, match="holds a training run already") as caught:
        prepare(data, folder, tiny, resume=False)
    assert "--resume" in caught.value.hint
    assert (folder / "checkpoint.pt").read_bytes() == b"a day of training"


def test_a_run_that_another_process_trains_is_refused(data: Path, folder: Path, tiny: dict[str, Any]):
    run = prepare(data, folder, tiny, resume=False)
    (folder / "losses.csv").write_text("its losses")
    with FileLock(folder / ".lock"), pytest.raises(FilesError, match="another process"):
        run.train(lambda _: None, never)
    assert (folder / "losses.csv").read_text() == "its losses"


def test_the_lock_is_free_again_afterwards(data: Path, folder: Path, tiny: dict[str, Any]):
    run_to(1, data, folder, tiny)
    with FileLock(folder / ".lock", timeout=0):
        pass


def test_resuming_without_a_checkpoint_is_refused(data: Path, folder: Path):
    with pytest.raises(FilesError, match="no checkpoint"):
        prepare(data, folder, {}, resume=True)


@pytest.mark.parametrize("change", ["added", "removed", "renamed", "resized", "test pictures"])
def test_resuming_with_other_pictures_is_refused(data: Path, folder: Path, tiny: dict[str, Any], change: str):
    run_to(1, data, folder, tiny)
    picture = data / "trainA" / "0.png"
    if change == "added":
        (data / "trainB" / "new.png").write_bytes(picture.read_bytes())
    elif change == "removed":
        picture.unlink()
    elif change == "renamed":
        picture.rename(data / "trainA" / "zero.png")
    elif change == "resized":
        Image.new("RGB", (99, 99)).save(picture)
    else:  # those are not trained on
        (data / "testA").mkdir()
        prepare(data, folder, {}, resume=True)
        return
    with pytest.raises(FilesError, match="are not those"):
        prepare(data, folder, {}, resume=True)


def test_resuming_with_other_options_is_refused(data: Path, folder: Path, tiny: dict[str, Any]):
    run_to(1, data, folder, tiny)
    with pytest.raises(UsageError, match="started with ngf = 4, not 8"):
        prepare(data, folder, {"ngf": 8}, resume=True)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [({"ngf": 0}, UsageError), ({"device": "abacus"}, UsageError), ({"precision": "float8"}, UsageError)],
)
def test_wrong_options_are_refused_before_a_folder_is_made(
    data: Path, tmp_path: Path, tiny: dict[str, Any], wrong: dict[str, Any], error: type[Exception]
):
    with pytest.raises(error):
        prepare(data, tmp_path / "new", {**tiny, **wrong}, resume=False)
    assert not (tmp_path / "new").exists()


def test_missing_pictures_are_refused_before_a_folder_is_made(tmp_path: Path, tiny: dict[str, Any]):
    with pytest.raises(FilesError, match="trainA"):
        prepare(tmp_path / "nowhere", tmp_path / "new", tiny, resume=False)
    assert not (tmp_path / "new").exists()


# -- what else a run's folder sees


def test_a_run_that_was_killed_before_its_first_checkpoint_starts_anew(data: Path, folder: Path, tiny: dict[str, Any]):
    (folder / "losses.csv").write_text("step,G\r\n1,2\r\n")
    temporary_beside(folder / "checkpoint.pt").write_bytes(b"half a checkpoint")
    run_to(1, data, folder, tiny)
    assert len((folder / "losses.csv").read_text().splitlines()) == 2
    assert not any(is_temporary(path.name) for path in folder.iterdir())


def test_grids_show_the_test_pictures_where_there_are_some(
    data: Path, folder: Path, tiny: dict[str, Any], pictures: Callable[..., None]
):
    pictures(data / "testA", 2, seed=8)
    pictures(data / "testB", 1, seed=9)
    run = prepare(data, folder, {**tiny, "steps": 1, "scale_jitter": 2.0}, resume=False)
    assert [len(run.grid_crops.dataset.files_A), len(run.grid_crops.dataset.files_B)] == [2, 1]
    run.train(lambda _: None, never)
    with Image.open(folder / "grids" / "step-0000001.png") as image:
        shown = np.asarray(image)[2:34, 2:34].astype(float)
    assert np.abs(shown - (run.grid_crops[0]["A"].permute(1, 2, 0).numpy() + 1) * 127.5).max() <= 1


def test_grids_show_training_pictures_otherwise(data: Path, folder: Path, tiny: dict[str, Any]):
    run = prepare(data, folder, tiny, resume=False)
    assert run.grid_crops.dataset.files_A == run.dataset.files_A
