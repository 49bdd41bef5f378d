"""Several processes train as one does on batches that are so many times as large."""

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from imgtrans.errors import ImgtransError, UnavailableError, UsageError
from imgtrans.training.companions import Companions, prepared
from imgtrans.training.launch import Launch
from imgtrans.training.options import TrainOptions
from imgtrans.training.run import prepare
from imgtrans.training.state import TrainingState, read_state
from imgtrans.training.together import Together
from tests.training.conftest import TINY, make_data, thin_state

GIVEN = {**TINY, "steps": 5, "pool_size": 2, "batch_size": 1, "diffaugment": True}


def train(count: int, data: Path, folder: Path, given: dict[str, Any], until: int = 1000, resume: bool = False) -> None:
    arguments = {"data": data, "folder": folder, "given": given, "resume": resume}
    with prepared(Together(), count, arguments) as run:
        run.train(lambda _: None, lambda: run.state.step >= until)


def rows(folder: Path) -> list[list[float]]:
    with (folder / "losses.csv").open(newline="") as file:
        return [[float(value) for value in row] for row in list(csv.reader(file))[1:]]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> Iterator[Path]:
    """A data set, and what two processes have made of it without being interrupted."""
    folder = tmp_path_factory.mktemp("shared")
    make_data(folder / "data")
    train(2, folder / "data", folder / "unbroken", GIVEN)
    yield folder
    for checkpoint in folder.rglob("checkpoint.pt"):
        checkpoint.unlink()  # it is large


def test_two_processes_have_the_losses_of_one_with_a_batch_of_twice_the_size(shared: Path, tmp_path: Path):
    plain = {**GIVEN, "pool_size": 0, "diffaugment": False, "steps": 2, "backend": "eager"}
    train(2, shared / "data", tmp_path / "two", plain)
    train(1, shared / "data", tmp_path / "one", {**plain, "batch_size": 2})
    (first, second), (first_of_one, second_of_one) = rows(tmp_path / "two"), rows(tmp_path / "one")
    assert first == pytest.approx(first_of_one, rel=1e-5, abs=1e-5)
    assert second == pytest.approx(second_of_one, rel=1e-3)  # float32 trajectories part by themselves
    two, one = (read_state(tmp_path / name / "checkpoint.pt") for name in ("two", "one"))
    assert two["step"] == one["step"] == 2
    assert two["pairs"] == one["pairs"] == 4


def test_two_processes_that_were_stopped_go_on_as_if_they_had_not_been(shared: Path, tmp_path: Path):
    train(2, shared / "data", tmp_path / "run", GIVEN, until=3)
    assert read_state(tmp_path / "run" / "checkpoint.pt")["step"] == 3
    train(2, shared / "data", tmp_path / "run", {}, resume=True)
    assert (tmp_path / "run" / "losses.csv").read_bytes() == (shared / "unbroken" / "losses.csv").read_bytes()
    broken, unbroken = (read_state(folder / "checkpoint.pt") for folder in (tmp_path / "run", shared / "unbroken"))
    for kind in ("networks", "objective", "others"):
        torch.testing.assert_close(broken[kind], unbroken[kind], rtol=0, atol=0)


def test_each_process_has_pools_and_random_numbers_of_its_own(shared: Path):
    content = read_state(shared / "unbroken" / "checkpoint.pt")
    (other,) = content["others"]
    assert len(other["pools"][0]["images"]) == len(content["objective"]["pools"][0]["images"]) == 2
    assert not torch.equal(other["pools"][0]["images"][0], content["objective"]["pools"][0]["images"][0])
    assert not torch.equal(other["random"], content["objective"]["random"])


@pytest.mark.parametrize(("before", "after"), [(2, 1), (1, 2)])
def test_a_run_goes_on_with_another_number_of_processes(shared: Path, tmp_path: Path, before: int, after: int):
    train(before, shared / "data", tmp_path, GIVEN, until=2)
    train(after, shared / "data", tmp_path, {}, resume=True)
    assert [row[0] for row in rows(tmp_path)] == [1, 2, 3, 4, 5]
    content = read_state(tmp_path / "checkpoint.pt")
    assert content["pairs"] == 2 * before + 3 * after
    assert len(content["others"]) == after - 1


def test_a_process_that_is_killed_ends_the_others_with_a_sentence(shared: Path, tmp_path: Path):
    arguments = {"data": shared / "data", "folder": tmp_path, "given": {**GIVEN, "steps": 10_000}, "resume": False}
    us = psutil.Process()
    before = {child.pid for child in us.children()}
    killed = pytest.raises(UnavailableError, match="process 1 of this training was killed by the system")
    with killed as caught, prepared(Together(), 2, arguments) as run:
        theirs = [child for child in us.children() if child.pid not in before and "fork" in child.cmdline()[-1]]

        def stop() -> bool:
            if run.state.step == 2:
                for child in theirs:
                    child.kill()
            return False

        run.train(lambda _: None, stop)
    assert "--resume goes on from the last checkpoint" in caught.value.hint


def test_who_ends_the_training_of_the_first_ends_all(shared: Path, tmp_path: Path):
    arguments = {"data": shared / "data", "folder": tmp_path, "given": {**GIVEN, "steps": 1000}, "resume": False}
    others = len(psutil.Process().children())

    def refuse(_: object) -> None:
        raise UnavailableError("it is enough")

    with pytest.raises(UnavailableError, match="it is enough"), prepared(Together(), 2, arguments) as run:
        run.train(refuse, lambda: False)
    assert len(psutil.Process().children()) <= others


def test_several_processes_do_not_go_back_to_a_good_checkpoint(shared: Path, tmp_path: Path):
    given = {**GIVEN, "on_trouble": "rollback"}
    with pytest.raises(UsageError, match="--on-trouble rollback is for one process, and 2 train together"):
        prepare(shared / "data", tmp_path / "run", given, False, together=Together(Launch(0, 2, 0, 2)))


def test_what_a_companion_finds_wrong_is_what_is_said(shared: Path, tmp_path: Path):
    arguments = {"data": shared / "data", "folder": tmp_path, "given": GIVEN, "resume": False}
    wrong = {**arguments, "data": tmp_path / "nowhere"}
    with Companions(2, wrong) as companions, pytest.raises(ImgtransError, match="nowhere") as caught:
        companions.meet()
    assert caught.value.exit_code == 4


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_sigterm_saves_once_and_ends_all(shared: Path, tmp_path: Path):
    arguments = [
        "--ngf",
        "4",
        "--blocks",
        "1",
        "--crop",
        "32",
        "--device",
        "cpu",
        "--steps",
        "100000",
        "--workers",
        "1",
    ]
    training = subprocess.Popen(
        [sys.executable, "-m", "imgtrans", "train", "--data", shared / "data", "--name", "a2b", "--runs", tmp_path,
         "--nproc", "2", *arguments],
        env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    log, began = tmp_path / "a2b" / "losses.csv", time.monotonic()
    while not (log.exists() and len(log.read_text().splitlines()) > 10) and training.poll() is None:
        assert time.monotonic() - began < 200
        time.sleep(0.1)
    started = psutil.Process(training.pid).children(recursive=True)
    os.killpg(training.pid, signal.SIGTERM)
    _, said = training.communicate(timeout=60)
    assert training.returncode == 143, said
    assert said.count("stopped") == 1
    assert said.splitlines()[-1].endswith("and saved; --resume goes on from here")
    assert read_state(tmp_path / "a2b" / "checkpoint.pt")["step"] >= 10
    _, alive = psutil.wait_procs(started, timeout=10)
    assert not alive


# -- what each of them reads, and for how long


@pytest.mark.parametrize(("size", "batch"), [(2, 1), (3, 4)])
def test_of_each_step_every_process_has_its_own_batch(size: int, batch: int):
    numbers = range(24, 24 + 5 * size * batch)
    shares = [Together(Launch(rank, size, rank, size)).share(numbers, batch) for rank in range(size)]
    for step in range(5):
        of_step = [n for share in shares for n in share[step * batch : (step + 1) * batch]]
        assert of_step == list(numbers[step * size * batch : (step + 1) * size * batch])
    assert [len(share) for share in shares] == [5 * batch] * size


def test_one_alone_reads_all():
    assert Together().share(range(3, 9), 2) == range(3, 9)


@pytest.fixture
def state(tiny: dict[str, Any]) -> TrainingState:
    """Of a run by epochs: 8 of 10 pairs, half of them decaying."""
    return thin_state(TrainOptions(**{**tiny, "steps": 0, "epochs": 4, "decay_epochs": 4}))


def test_epochs_are_counted_in_pairs_whoever_trains_on_them(state: TrainingState):
    assert state.schedule(10) == (80, 40)
    assert state.schedule(10, 2) == (40, 20)
    state.step, state.pairs = 20, 20  # by one
    assert state.schedule(10) == (80, 40)
    assert state.schedule(10, 2) == (50, 30)  # 60 pairs are left, and 20 of them at the constant rate
    state.step, state.pairs = 30, 60  # by two
    assert state.schedule(10, 2) == (40, 20)
    assert state.schedule(10) == (50, 10)


def test_a_run_of_so_many_steps_has_so_many_whoever_takes_them(tiny: dict[str, Any]):
    state = thin_state(TrainOptions(**{**tiny, "steps": 30}))
    state.step, state.pairs = 10, 40
    assert state.schedule(10, 2) == state.schedule(10) == (30, 15)


def test_one_cuda_device_is_not_for_several():
    with pytest.raises(UsageError, match="--device cuda:0 is one device, and 2 processes train together"):
        Together(Launch(0, 2, 0, 2)).device("cuda:0")
    assert Together(Launch(1, 2, 1, 2)).device("cpu") == torch.device("cpu")
