import errno
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from imgtrans.errors import FilesError
from imgtrans.executors import lane
from imgtrans.executors.given import Given
from imgtrans.executors.local import LocalExecutor
from imgtrans.executors.supply import Supply
from imgtrans.executors.worker import Worker
from imgtrans.protocols import Interrupted, Item, Job, Outcome, Pixels, Ready, Session, Wanted
from tests.pictures import noise, save

JOB = Job(size=None, multiple=4, smallest=8, max_pixels=10**6, max_working_pixels=10**6)


class Inverting:
    """A session that inverts, and remembers its batches."""

    def __init__(self) -> None:
        self.batches: list[tuple[int, ...]] = []

    def run(self, pictures: Pixels) -> Pixels:
        self.batches.append(pictures.shape)
        return 255 - pictures


def executor(*sessions: Inverting, **options: int) -> LocalExecutor:
    settings = {"batch_size": 4, "batch_pixels": 10**6, "workers": 2, "memory": 10**8} | options
    return made(sessions, JOB, **settings)


def made(
    sessions: Sequence[Session], job: Job, *, batch_size: int, batch_pixels: int, workers: int, memory: int
) -> LocalExecutor:
    return LocalExecutor(Given(Ready(sessions, job, batch_size, batch_pixels, workers, memory)))


def items(folder: Path, count: int, name: str = "{:03}.png", **size: int) -> list[Item]:
    made = []
    for number in range(count):
        path = save(folder / name.format(number), seed=number, **size)
        status, key = path.stat(), os.fsencode(path.name)
        made.append(Item(path, folder / "out" / path.name, key, key, "PNG", status.st_size, status.st_mtime_ns))
    (folder / "out").mkdir(exist_ok=True)
    return made


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have each message be of one picture."""
    monkeypatch.setattr(lane, "TOGETHER", 1)


def collect(runner: LocalExecutor, todo: list[Item] | Iterator[Item]) -> dict[str, Outcome]:
    try:
        return {outcome.item.input.name: outcome for group in runner.run(todo) for outcome in group}
    finally:
        runner.close()


def test_each_item_has_exactly_one_outcome_with_its_own_pixels(tmp_path: Path) -> None:
    todo = items(tmp_path, 11)
    session = Inverting()
    outcomes = collect(executor(session), todo)
    assert len(outcomes) == 11
    for item in todo:
        outcome = outcomes[item.input.name]
        assert outcome.temporary is not None
        with Image.open(item.input) as before, Image.open(outcome.temporary) as after:
            assert np.array_equal(255 - np.asarray(before), np.asarray(after))
    assert sum(batch[0] for batch in session.batches) == 11


def test_pictures_of_one_size_share_batches_and_others_do_not(tmp_path: Path) -> None:
    todo = items(tmp_path / "a", 5, width=16, height=16) + items(tmp_path / "b", 5, width=32, height=16)
    session = Inverting()
    executor_ = executor(session)
    outcomes = [outcome for group in executor_.run(todo) for outcome in group]
    executor_.close()
    assert len(outcomes) == 10
    assert {batch[1:] for batch in session.batches} == {(16, 16, 3), (16, 32, 3)}
    assert all(batch[0] <= 4 for batch in session.batches)


def test_pictures_of_8_and_of_16_bits_do_not_share_batches(tmp_path: Path) -> None:
    job = replace(JOB, wanted=Wanted(depth=16, format="PNG"))
    todo = items(tmp_path, 6)
    for number in (1, 3):  # an animation has 8 bits
        frames = [noise(24, 16, seed) for seed in (number, 9)]
        frames[0].save(todo[number].input, save_all=True, append_images=frames[1:])
        status = todo[number].input.stat()
        todo[number] = replace(todo[number], size=status.st_size, mtime_ns=status.st_mtime_ns)
    depths = []

    class Deep(Inverting):
        def run(self, pictures: Pixels) -> Pixels:
            depths.append((pictures.dtype.name, len(pictures)))
            return np.iinfo(pictures.dtype).max - pictures

    runner = made([Deep()], job, batch_size=4, batch_pixels=10**6, workers=2, memory=10**8)
    outcomes = collect(runner, todo)
    assert not any(outcome.error for outcome in outcomes.values())
    assert {kind: sum(n for name, n in depths if name == kind) for kind, _ in depths} == {"uint8": 4, "uint16": 4}


def test_a_batch_is_bounded_by_pixels_too(tmp_path: Path) -> None:
    session = Inverting()
    collect(executor(session, batch_pixels=2 * 16 * 24), items(tmp_path, 6))
    assert max(batch[0] for batch in session.batches) <= 2


def test_sessions_share_the_pictures(tmp_path: Path) -> None:
    """Neither can end before the other has begun: both are at work at the same time."""
    meeting = threading.Barrier(2, timeout=60)

    class Meeting(Inverting):
        def run(self, pictures: Pixels) -> Pixels:
            if not self.batches:
                meeting.wait()
            return super().run(pictures)

    sessions = [Meeting(), Meeting()]
    outcomes = collect(executor(*sessions, batch_size=1), items(tmp_path, 12))
    assert all(not outcome.error for outcome in outcomes.values())
    done = [sum(batch[0] for batch in session.batches) for session in sessions]
    assert min(done) > 0
    assert sum(done) == 12


def test_a_slow_session_does_not_hold_up_the_other(tmp_path: Path) -> None:
    """There is no fixed share: one that gets stuck with its first picture leaves all others to the other."""
    others_done = threading.Event()

    class Slow(Inverting):
        def run(self, pictures: Pixels) -> Pixels:
            assert others_done.wait(60)
            return super().run(pictures)

    class Quick(Inverting):
        def run(self, pictures: Pixels) -> Pixels:
            result = super().run(pictures)
            if len(self.batches) == 9:
                others_done.set()
            return result

    slow, quick = Slow(), Quick()
    assert len(collect(executor(slow, quick, batch_size=1), items(tmp_path, 10))) == 10
    assert (len(slow.batches), len(quick.batches)) == (1, 9)


def test_it_is_told_where_the_time_went(tmp_path: Path) -> None:
    outcomes = collect(executor(Inverting()), items(tmp_path, 3))
    for outcome in outcomes.values():
        assert min(outcome.decode_seconds, outcome.model_seconds, outcome.encode_seconds) > 0


def test_a_picture_that_cannot_be_computed_fails_alone(tmp_path: Path) -> None:
    class Choosy(Inverting):
        def run(self, pictures: Pixels) -> Pixels:
            if pictures.shape[1] > 20:
                raise MemoryError
            return super().run(pictures)

    todo = [*items(tmp_path / "a", 2), *items(tmp_path / "b", 1, height=40)]
    runner = executor(Choosy())
    outcomes = [outcome for group in runner.run(todo) for outcome in group]
    runner.close()
    assert sorted(bool(outcome.error) for outcome in outcomes) == [False, False, True]


def test_a_broken_picture_fails_alone(tmp_path: Path) -> None:
    todo = items(tmp_path, 4)
    broken = todo[1].input
    broken.write_bytes(broken.read_bytes()[:50])
    status = broken.stat()
    todo[1] = Item(**{**vars(todo[1]), "size": status.st_size, "mtime_ns": status.st_mtime_ns})
    outcomes = collect(executor(Inverting()), todo)
    assert [name for name, outcome in sorted(outcomes.items()) if outcome.error] == ["001.png"]


def test_memory_that_is_short_slows_down_but_never_stops(tmp_path: Path) -> None:
    assert len(collect(executor(Inverting(), memory=1), items(tmp_path, 7))) == 7


def test_pictures_that_are_too_large_to_be_there_together_are_done_one_after_the_other(tmp_path: Path) -> None:
    todo = items(tmp_path / "a", 3, width=64, height=64) + items(tmp_path / "b", 6) + items(tmp_path / "c", 3, width=80)
    session = Inverting()
    runner = executor(session, memory=6 * 24 * 16 * 24, workers=2)  # the smallest fit beside one another
    outcomes = [outcome for group in runner.run(todo) for outcome in group]
    runner.close()
    assert [outcome.error for outcome in outcomes] == [""] * 12
    assert {batch[0] for batch in session.batches if batch[1:] == (64, 64, 3)} == {1}


def test_a_picture_too_large_for_the_memory_there_is_fails_alone(tmp_path: Path) -> None:
    todo = items(tmp_path, 3) + items(tmp_path / "large", 1, width=400, height=300)
    runner = made([Inverting()], replace(JOB, memory=10**6), batch_size=4, batch_pixels=10**6, workers=2, memory=10**6)
    failed = [outcome for group in runner.run(todo) for outcome in group if outcome.error]
    runner.close()
    assert [outcome.item for outcome in failed] == [todo[-1]]
    assert "takes 3 MB of memory to be read and written, and 1 MB may be taken" in failed[0].error


def test_large_pictures_are_decoded_and_encoded_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each takes more than half of the memory; the headers tell before anything is decoded."""
    at_work, most = [0], [0]
    lock, second = threading.Lock(), threading.Event()
    may_read = Supply.may_read

    def asked(self: Supply, amount: int | None, again: threading.Event) -> bool:
        allowed = may_read(self, amount, again)
        if not allowed:
            second.set()
        return allowed

    def alone(call: Callable[..., object]) -> Callable[..., object]:
        def called(self: Worker, item: Item, *arguments: object) -> object:
            large = item.input.name.startswith("large")
            with lock:
                at_work[0] += large
                most[0] = max(most[0], at_work[0])
            if at_work[0] > 1:
                second.set()
            elif large:
                assert second.wait(60)  # another has come, or wants to
            try:
                return call(self, item, *arguments)
            finally:
                with lock:
                    at_work[0] -= large

        return called

    monkeypatch.setattr(Supply, "may_read", asked)
    monkeypatch.setattr(Worker, "read", alone(Worker.read))
    monkeypatch.setattr(Worker, "write", alone(Worker.write))
    todo = items(tmp_path, 4) + items(tmp_path, 4, name="large{:03}.png", width=200, height=200)
    memory = int(1.5 * 24 * 200 * 200)
    assert len(collect(executor(Inverting(), workers=3, memory=memory), todo)) == 8
    assert most == [1]


@pytest.mark.usefixtures("one_by_one")
def test_a_full_disk_ends_the_run_and_leaves_no_temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Worker, item: Item, translated: Pixels, temporary: Path, pixels: int) -> float:
        temporary.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Worker, "write", full)
    with pytest.raises(FilesError, match="No space left"):
        collect(executor(Inverting()), items(tmp_path, 5))
    assert list((tmp_path / "out").iterdir()) == []


def test_a_run_that_is_given_up_leaves_no_temporary(tmp_path: Path) -> None:
    runner = executor(Inverting(), batch_size=1)
    groups = runner.run(items(tmp_path, 12))
    first = next(groups)
    groups.close()
    runner.close()
    kept = {outcome.temporary for outcome in first}
    assert set((tmp_path / "out").iterdir()) <= kept


def test_an_executor_can_run_again(tmp_path: Path) -> None:
    runner = executor(Inverting())
    for folder in ("a", "b"):
        assert len([outcome for group in runner.run(items(tmp_path / folder, 3)) for outcome in group]) == 3
    runner.close()


def test_nothing_to_do_is_done_at_once() -> None:
    assert collect(executor(Inverting()), iter(())) == {}


def test_items_are_taken_only_as_they_are_needed(tmp_path: Path) -> None:
    taken = []

    def endless() -> Iterator[Item]:
        for item in items(tmp_path, 40):
            taken.append(item)
            yield item

    runner = executor(Inverting(), batch_size=1)
    groups = runner.run(endless())
    next(groups)
    assert len(taken) < 15
    groups.close()
    runner.close()


def test_a_computation_that_takes_long_is_ended_with_the_run(tmp_path: Path) -> None:
    """A picture that is streamed can take minutes, and Ctrl-C must not."""
    begun, ended = threading.Event(), threading.Event()

    class Endless(Inverting):
        def run(self, pictures: Pixels) -> Pixels:
            if not self.batches:
                return super().run(pictures)
            begun.set()
            assert ended.wait(60)
            raise Interrupted

        def interrupt(self) -> None:
            ended.set()

    runner = executor(Endless(), batch_size=1)
    groups = runner.run(items(tmp_path, 4))
    next(groups)
    assert begun.wait(60)
    groups.close()
    runner.close()
    assert ended.is_set()


def test_no_process_outlives_a_run_that_is_given_up(tmp_path: Path) -> None:
    runner = executor(Inverting(), batch_size=1)
    groups = runner.run(items(tmp_path, 12))
    next(groups)
    processes = [psutil.Process(worker._process.pid) for worker in runner._pipeline._codecs if worker._process]
    assert processes
    groups.close()
    runner.close()
    assert not [process for process in processes if process.is_running()]


def test_an_outcome_that_a_signal_swallows_leaves_no_temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal can come between taking an outcome and noting it."""

    class Interrupted(queue.SimpleQueue):  # type: ignore[type-arg]
        def get(self, *arguments: object, **options: object) -> object:
            event = super().get()
            if isinstance(event, Outcome):
                raise SystemExit(143)
            return event

    monkeypatch.setattr(queue, "SimpleQueue", Interrupted)
    with pytest.raises(SystemExit):
        collect(executor(Inverting()), items(tmp_path, 5))
    assert [*(tmp_path / "out").iterdir()] == []


@pytest.mark.usefixtures("one_by_one")
def test_a_picture_whose_worker_is_killed_is_tried_once_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is what happens when memory runs out: the system ends the largest process."""
    kills = []
    measure, read_small, write = Worker.measure, Worker.read_small, Worker.write

    def killed(self: Worker, item: Item) -> None:
        if self._process is None:  # its place is empty since the last time
            measure(self, item)
        kills.append(item.input.name)
        os.kill(self._process.pid, signal.SIGKILL)

    def before_reading(self: Worker, some: list[Item], most: int) -> object:
        if some[0].input.name == "001.png":
            killed(self, some[0])
        return read_small(self, some, most)

    def before_writing(self: Worker, item: Item, *arguments: object) -> float:
        if item.input.name == "002.png" or (item.input.name == "003.png" and "003.png" not in kills):
            killed(self, item)
        return write(self, item, *arguments)

    monkeypatch.setattr(Worker, "read_small", before_reading)
    monkeypatch.setattr(Worker, "write", before_writing)
    outcomes = collect(executor(Inverting(), workers=1), items(tmp_path, 4))
    assert sorted(kills) == ["001.png", "002.png", "002.png", "003.png"]
    assert {name: outcome.error for name, outcome in outcomes.items() if outcome.error} == {
        "002.png": f"{tmp_path / '002.png'} crashed the decoder."
    }


@pytest.mark.parametrize("call", ["read_small", "write_several"])
def test_pictures_in_one_message_whose_worker_dies_are_tried_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Which of them it was nobody can tell; the others must not suffer for it, and only it may be left out."""
    together, several = [], getattr(Worker, call)
    singly = {"read_small": "read", "write_several": "write"}[call]
    one_alone = getattr(Worker, singly)

    def died(self: Worker, some: list[object], *arguments: object) -> object:
        if len(some) > 1:
            together.append(len(some))
            os.kill(self._process.pid, signal.SIGKILL)
        return several(self, some, *arguments)

    def bad(self: Worker, item: Item, *arguments: object) -> object:
        if item.input.name == "005.png" and self._process is not None:
            os.kill(self._process.pid, signal.SIGKILL)
        return one_alone(self, item, *arguments)

    monkeypatch.setattr(Worker, call, died)
    monkeypatch.setattr(Worker, singly, bad)
    outcomes = collect(executor(Inverting(), workers=1, batch_size=8), items(tmp_path, 12))
    assert together
    assert len(outcomes) == 12
    assert {name for name, outcome in outcomes.items() if outcome.error} <= {"005.png"}
    for name, outcome in outcomes.items():
        if outcome.temporary:
            with Image.open(tmp_path / name) as before, Image.open(outcome.temporary) as after:
                assert np.array_equal(255 - np.asarray(before), np.asarray(after))
    assert len(list((tmp_path / "out").iterdir())) == sum(not outcome.error for outcome in outcomes.values())


def test_outcomes_come_in_groups_and_the_first_at_once(tmp_path: Path) -> None:
    """Each group waits for the disk three times."""
    job = replace(JOB, gather_seconds=1000.0)
    runner = made([Inverting()], job, batch_size=1, batch_pixels=10**6, workers=1, memory=10**8)
    groups = [len(group) for group in runner.run(items(tmp_path, 10))]
    runner.close()
    assert sum(groups) == 10
    assert len(groups) <= 2  # what was there first, and all others once there are no more
