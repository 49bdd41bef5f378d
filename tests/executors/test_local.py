import errno
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from imgtrans.errors import FilesError
from imgtrans.executors.local import LocalExecutor
from imgtrans.executors.worker import Worker
from imgtrans.protocols import Item, Job, Outcome, Pixels
from tests.pictures import save

JOB = Job(size=None, multiple=4, smallest=8, max_pixels=10**6, max_working_pixels=10**6)


class Inverting:
    """A session that inverts, remembers its batches, and can be short of memory."""

    def __init__(self, largest: int = 1000) -> None:
        self.largest = largest
        self.batches: list[tuple[int, ...]] = []

    def run(self, pictures: Pixels) -> Pixels:
        if len(pictures) > self.largest:
            raise MemoryError("too many")
        self.batches.append(pictures.shape)
        return 255 - pictures


def executor(session: Inverting, **options: int) -> LocalExecutor:
    settings = {"batch_size": 4, "batch_pixels": 10**6, "workers": 2, "memory": 10**8} | options
    return LocalExecutor(session, JOB, **settings)


def items(folder: Path, count: int, **size: int) -> list[Item]:
    made = []
    for number in range(count):
        path = save(folder / f"{number:03}.png", seed=number, **size)
        status, key = path.stat(), os.fsencode(path.name)
        made.append(Item(path, folder / "out" / path.name, key, key, "PNG", status.st_size, status.st_mtime_ns))
    (folder / "out").mkdir(exist_ok=True)
    return made


def collect(runner: LocalExecutor, todo: list[Item] | Iterator[Item]) -> dict[str, Outcome]:
    try:
        return {outcome.item.input.name: outcome for group in runner.run(todo) for outcome in group}
    finally:
        runner.close()


def test_each_item_has_exactly_one_outcome_with_its_own_pixels(tmp_path: Path) -> None:
    from PIL import Image

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


def test_a_batch_is_bounded_by_pixels_too(tmp_path: Path) -> None:
    session = Inverting()
    collect(executor(session, batch_pixels=2 * 16 * 24), items(tmp_path, 6))
    assert max(batch[0] for batch in session.batches) <= 2


def test_a_batch_that_does_not_fit_is_halved(tmp_path: Path) -> None:
    session = Inverting(largest=1)
    outcomes = collect(executor(session, workers=1), items(tmp_path, 8))
    assert all(not outcome.error for outcome in outcomes.values())
    assert {batch[0] for batch in session.batches} == {1}


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
    runner = executor(session, memory=4 * 24 * 16 * 24 * 2, workers=2)  # the smallest fit beside one another
    outcomes = [outcome for group in runner.run(todo) for outcome in group]
    runner.close()
    assert [outcome.error for outcome in outcomes] == [""] * 12
    assert {batch[0] for batch in session.batches if batch[1:] == (64, 64, 3)} == {1}


def test_a_picture_too_large_for_the_memory_there_is_fails_alone(tmp_path: Path) -> None:
    todo = items(tmp_path, 3) + items(tmp_path / "large", 1, width=400, height=300)
    runner = LocalExecutor(
        Inverting(), replace(JOB, memory=10**6), batch_size=4, batch_pixels=10**6, workers=2, memory=10**6
    )
    failed = [outcome for group in runner.run(todo) for outcome in group if outcome.error]
    runner.close()
    assert [outcome.item for outcome in failed] == [todo[-1]]
    assert "takes 3 MB of memory to be read and written, and 1 MB may be taken" in failed[0].error


def test_a_full_disk_ends_the_run_and_leaves_no_temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Worker, item: Item, translated: Pixels, temporary: Path) -> None:
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
