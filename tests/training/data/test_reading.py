"""Crops that others read ahead are the same, in the same order; signals and deaths do not stop the training."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import torch

from imgtrans.errors import FilesError
from imgtrans.training.data import reading
from imgtrans.training.data.dataset import ImageDataset, RandomCrops
from imgtrans.training.data.reading import ReadAhead


@pytest.fixture
def crops(data: Path) -> RandomCrops:
    return RandomCrops(ImageDataset(data), 32, 1.5, seed=3)


def read(crops: RandomCrops, numbers: range, batch_size: int = 1, workers: int = 2, **others: object) -> ReadAhead:
    return ReadAhead(crops, numbers, batch_size=batch_size, workers=workers, pin_memory=False, **others)


def processes(function: Callable[[], ReadAhead]) -> tuple[ReadAhead, list[psutil.Process]]:
    """Begin to read ahead, and return the processes that do."""
    before = {child.pid for child in psutil.Process().children()}
    batches = function()
    started = [child for child in psutil.Process().children() if child.pid not in before]
    return batches, [child for child in started if "resource_tracker" not in " ".join(child.cmdline())]


def equal(batches: ReadAhead | list[dict[str, torch.Tensor]], crops: RandomCrops, numbers: range) -> bool:
    pairs = [crops[n] for n in numbers]
    together = [{domain: pair[domain][None] for domain in "AB"} for pair in pairs]
    return all(torch.equal(a[d], b[d]) for a, b in zip(batches, together, strict=True) for d in "AB")


@pytest.mark.parametrize("batch_size", [1, 3])
def test_workers_give_the_same_items_in_the_same_order(crops: RandomCrops, batch_size: int) -> None:
    alone = [*read(crops, range(2, 14), batch_size, workers=0)]
    with read(crops, range(2, 14), batch_size) as batches:
        shared = [*batches]
    assert len(alone) == len(shared) == 12 // batch_size
    assert all(torch.equal(one[name], other[name]) for one, other in zip(alone, shared, strict=True) for name in "AB")


def test_more_workers_than_batches_do_no_harm(crops: RandomCrops) -> None:
    with read(crops, range(2), workers=3) as batches:
        assert equal(batches, crops, range(2))


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_workers_live_through_what_stops_a_training_from_their_first_moment_on(crops: RandomCrops) -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    batches, workers = processes(lambda: read(crops, range(4)))
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before
    assert len(workers) == 2
    for worker in workers:
        for number in (signal.SIGINT, signal.SIGTERM):
            worker.send_signal(number)
    assert len([*batches]) == 4
    batches.close()
    assert not [worker for worker in workers if worker.is_running()]


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_one_that_is_killed_is_named_and_replaced_and_no_crop_is_lost(crops: RandomCrops) -> None:
    said: list[str] = []
    batches, workers = processes(lambda: read(crops, range(20), lost=said.append))
    with batches:
        first = [next(batches) for _ in range(4)]
        for worker in workers[:1]:
            worker.kill()
        assert equal([*first, *batches], crops, range(20))
    (sentence,) = said
    assert sentence.startswith("a process that reads pictures was killed by the system (SIGKILL), mostly because ")
    assert ".png" in sentence
    assert sentence.endswith("another one goes on")


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_where_each_is_killed_the_training_reads_itself(crops: RandomCrops, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    batches, workers = processes(lambda: read(crops, range(12), workers=1, lost=said.append))
    start = reading.Reader.start

    def doomed(reader: reading.Reader) -> None:
        start(reader)
        reader._process.kill()

    monkeypatch.setattr(reading.Reader, "start", doomed)
    with batches:
        workers[0].kill()
        assert equal(batches, crops, range(12))
    assert said[0].endswith("another one goes on")
    assert said[1].endswith("the training reads them itself from here on, as with --workers 0")
    assert len(said) == 2


ABANDONED = """
import sys
from pathlib import Path
from imgtrans.training.data.dataset import ImageDataset, RandomCrops
from imgtrans.training.data.reading import ReadAhead

if __name__ == "__main__":
    crops = RandomCrops(ImageDataset(Path(sys.argv[1])), 32, 1.0, seed=0)
    batches = ReadAhead(crops, range(100), batch_size=1, workers=2, pin_memory=False)
    next(batches)
    print("read")
"""


def test_who_forgets_to_close_it_does_not_wait_for_ever(data: Path, tmp_path: Path) -> None:
    (tmp_path / "abandoned.py").write_text(ABANDONED)
    command = [sys.executable, tmp_path / "abandoned.py", data]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "read\n", "")


def test_readers_that_die_before_they_know_what_to_read_are_noticed(data: Path, tmp_path: Path) -> None:
    for domain in ("trainA", "trainB"):
        for n in range(600):  # names for more than a pipe holds
            os.link(data / domain / "0.png", data / domain / f"{'so-that-there-is-more-to-tell-' * 3}{n}.png")
    # A script from standard input cannot be found by another process, which ends with that.
    command = [sys.executable, "-", data]
    ended = subprocess.run(
        command, input=ABANDONED, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path
    )
    assert (ended.returncode, ended.stdout) == (0, "read\n")


def test_where_no_process_can_be_started_the_training_reads_itself(
    crops: RandomCrops, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: reading.Reader) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(reading.Reader, "start", refused)
    said: list[str] = []
    with read(crops, range(5), lost=said.append) as batches:
        assert equal(batches, crops, range(5))
    assert said[0].startswith("no process to read pictures can be started: Resource temporarily unavailable")


def test_a_stop_is_heard_while_a_batch_is_waited_for(data: Path, tmp_path: Path) -> None:
    crops = RandomCrops(ImageDataset(data), 32, 1.0, seed=0)
    if not hasattr(os, "mkfifo"):
        pytest.skip("no named pipes here")
    for path in crops.dataset.files_A:
        path.unlink()
        os.mkfifo(path)  # to open it is to wait for ever
    with read(crops, range(4), stop=lambda: True) as batches:
        assert [*batches] == []


def test_a_broken_picture_is_told_of_once_whoever_reads_it(
    crops: RandomCrops, data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (data / "trainA" / "2.png").write_bytes((data / "trainA" / "2.png").read_bytes()[:60])
    with read(crops, range(20)) as batches:
        shared = [*batches]
    assert equal(shared, crops, range(20))
    assert [record.getMessage().count("2.png") for record in caplog.records] == [1]


def test_pictures_none_of_which_can_be_read_end_it_with_a_sentence(crops: RandomCrops, data: Path) -> None:
    for path in (data / "trainB").iterdir():
        path.write_bytes(path.read_bytes()[:60])
    with read(crops, range(4)) as batches, pytest.raises(FilesError, match=r"no picture in .*trainB can be read"):
        next(batches)


@pytest.mark.parametrize("workers", [0, 3])
def test_each_picture_is_decoded_once_whoever_reads(crops: RandomCrops, data: Path, workers: int) -> None:
    numbers = range(40)
    whole = [crops[n] for n in numbers]
    with read(crops, numbers, workers=workers) as batches:
        shared = [next(batches) for _ in range(25)]  # with those asked for ahead, all pictures have come up
        for path in (*crops.dataset.files_A, *crops.dataset.files_B):
            path.unlink()
        shared += [*batches]
    assert all(torch.equal(batch[d][0], pair[d]) for batch, pair in zip(shared, whole, strict=True) for d in "AB")


def test_memory_for_pictures_is_bounded_for_all_processes_together(crops: RandomCrops) -> None:
    with read(crops, range(20), room=3 * 4 * 40 * 36) as batches:  # of nine, and room for one a process
        before = [next(batches) for _ in range(10)]
        for path in (*crops.dataset.files_A, *crops.dataset.files_B):
            path.unlink()
        with pytest.raises(FilesError, match="can be read"):
            while True:
                before.append(next(batches))
    assert len(before) < 20
