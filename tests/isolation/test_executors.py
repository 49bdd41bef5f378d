"""Executors with faults: no picture is lost, doubled or called done that is not."""

import os
import sys
from collections.abc import Callable, Generator, Iterable
from pathlib import Path

import pytest

from imgtrans.errors import FilesError, PluginError
from imgtrans.isolation.blame import Part
from imgtrans.isolation.outcomes import guarded_executor, outcomes
from imgtrans.protocols import Interruptible, Item, Outcome

PART = Part("imgtrans.executors", "far", "imgtrans-far")
SAID = "the executor 'far' of the package imgtrans-far"


class Executor:
    """Does as it is told with each group of items."""

    def __init__(self, does: Callable[[list[Item]], object]) -> None:
        self.does = does
        self.closed = False

    def run(self, items: Iterable[Item]) -> Generator[list[Outcome]]:
        try:
            yield self.does(list(items))
        finally:
            self.closed = True

    def close(self) -> None: ...


@pytest.fixture
def items(tmp_path: Path) -> list[Item]:
    made = []
    for number in range(3):
        path = tmp_path / f"{number}.png"
        path.write_bytes(b"picture")
        key = os.fsencode(path.name)
        made.append(Item(path, tmp_path / "out" / path.name, key, key, "PNG", 7, path.stat().st_mtime_ns))
    return made


def done(item: Item) -> Outcome:
    temporary = item.input.with_suffix(".tmp")
    temporary.touch()
    return Outcome(item, temporary)


def drawn(does: Callable[[list[Item]], object], items: list[Item]) -> list[Outcome]:
    return [outcome for group in outcomes(Executor(does), items, PART) for outcome in group]


def test_one_without_faults_is_let_be(items: list[Item]):
    assert [one.item for one in drawn(lambda given: [done(item) for item in given], items)] == items


@pytest.mark.parametrize(
    ("does", "said"),
    [
        (lambda given: [done(item) for item in given[:-1]], r"says nothing of what became of 1 pictures, .*2\.png"),
        (lambda given: [done(item) for item in [*given, given[0]]], r"tells twice what became of .*0\.png"),
        (lambda given: 7, "failed: TypeError"),
        (lambda given: [None], "yields NoneType and no outcomes"),
        (lambda given: 1 / 0, "failed: ZeroDivisionError: division by zero"),
        (lambda given: sys.exit(3), "failed: SystemExit: 3"),
    ],
)
def test_a_fault_ends_the_run_and_names_the_package(does: Callable[[list[Item]], object], said: str, items: list[Item]):
    with pytest.raises(PluginError, match=f"{SAID} {said}"):
        drawn(does, items)


def test_what_runs_nothing_is_told_too(items: list[Item]):
    class Lazy(Executor):
        def run(self, items: Iterable[Item]) -> object:
            return 7

    with pytest.raises(PluginError, match=f"{SAID} failed: TypeError: 'int' object is not iterable"):
        list(outcomes(Lazy(list), items, PART))


def test_what_it_says_is_done_and_is_not_has_failed(items: list[Item]):
    def does(given: list[Item]) -> list[Outcome]:
        missing = Outcome(given[0], given[0].input.with_suffix(".gone"))
        return [missing, Outcome(given[1], None), done(given[2])]

    first, second, third = drawn(does, items)
    assert (first.temporary, first.error) == (None, f"{SAID} made no file of {items[0].input}.")
    assert second.error == f"{SAID} does not say why {items[1].input} has failed."
    assert third.temporary is not None and not third.error


def test_a_full_disk_is_what_it_is(items: list[Item]):
    def does(given: list[Item]) -> object:
        raise FilesError("the disk is full")

    with pytest.raises(FilesError, match="the disk is full"):
        drawn(does, items)


def test_who_stops_closes_it(items: list[Item]):
    executor = Executor(lambda given: [done(item) for item in given])
    guarded = guarded_executor(executor, PART)
    groups = guarded.run(items)
    next(groups)
    groups.close()
    assert executor.closed
    guarded.close()
    assert guarded_executor(executor, None) is executor


def test_what_one_may_be_besides_shows_through():
    class Far(Executor):
        def describe(self) -> str:
            return "far away"

        def interrupt(self) -> None: ...

    guarded = guarded_executor(Far(list), PART)
    assert isinstance(guarded, Interruptible) and guarded.describe() == "far away"
    assert not isinstance(guarded_executor(Executor(list), PART), Interruptible)
