"""Files are counted beside the work: the sum is told once, if nobody stops it and nothing goes wrong."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgtrans.finding.counting import Counting
from imgtrans.finding.destination import Destination
from imgtrans.finding.pictures import count, discover
from imgtrans.finding.selection import Selection
from tests.pictures import save


def counted(counts: Iterator[int]) -> list[int]:
    told: list[int] = []
    done = threading.Event()

    def numbers() -> Iterator[int]:
        try:
            yield from counts
        finally:
            done.set()

    with Counting(numbers(), told.append) as counting:
        counting.start()
        assert done.wait(60)
    return told


def test_the_sum_is_told() -> None:
    assert counted(iter([3, 0, 4])) == [7]


def test_a_folder_that_goes_away_ends_it_and_nothing_is_told() -> None:
    def broken() -> Iterator[int]:
        yield 3
        raise OSError

    assert counted(broken()) == []


def test_once_stopped_nothing_is_told() -> None:
    told: list[int] = []
    met, stopped = threading.Event(), threading.Event()

    def endless() -> Iterator[int]:
        while True:
            yield 1
            met.set()
            assert stopped.wait(60)

    counting = Counting(endless(), told.append)
    with counting:
        counting.start()
        assert met.wait(60)
        counting._stopped = True
        stopped.set()
    assert told == []
    assert not counting._thread.is_alive()


@pytest.mark.parametrize("selection", [Selection(), Selection(include=("*.png",), exclude=("b",))])
def test_as_many_are_counted_as_are_met(tmp_path: Path, selection: Selection) -> None:
    for number, folder in enumerate(("a", "a", "b", "b/c", "out")):
        save(tmp_path / folder / f"{number}.png", 8, 8)
    (tmp_path / "a" / "notes.txt").write_text("x")
    (tmp_path / "a" / ".hidden").write_text("x")
    inputs = [tmp_path, save(tmp_path.with_name("one.png"), 8, 8)]
    destination = Destination(tmp_path / "out")
    assert sum(count(inputs, destination, selection)) == len([*discover(inputs, destination, selection)])


def test_a_list_is_not_counted(tmp_path: Path) -> None:
    destination = Destination(tmp_path / "out")
    assert [*count([tmp_path], destination, Selection(files_from=tmp_path / "list"))] == []
