"""Items as they are needed, and memory that is not given twice."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgtrans.executors.supply import Supply
from imgtrans.protocols import Item


def item(number: int) -> Item:
    return Item(Path(f"{number}"), Path(f"{number}.out"), b"%d" % number, b"", "PNG", 1, 1)


def supply_of(count: int, memory: int = 100, failed: list[BaseException] | None = None) -> Supply:
    problems = [] if failed is None else failed
    return Supply(iter([item(number) for number in range(count)]), ahead=2, memory=memory, failed=problems.append)


@pytest.fixture
def again() -> threading.Event:
    return threading.Event()


@pytest.fixture
def other() -> threading.Event:
    return threading.Event()


def test_all_items_come_once_and_then_nothing(again: threading.Event) -> None:
    supply = supply_of(5)
    drawn = []
    while (some := supply.next(2, again)) is not None:
        assert len(some) <= 2
        drawn += [one.key for one in some]
        if not some:
            assert again.wait(10)
            again.clear()
    assert drawn == [b"0", b"1", b"2", b"3", b"4"]
    supply.stop()


def test_nothing_is_drawn_after_the_end(again: threading.Event) -> None:
    drawn = []

    def endless() -> Iterator[Item]:
        while True:
            drawn.append(item(0))
            yield drawn[-1]

    supply = Supply(endless(), ahead=2, memory=1, failed=lambda error: None)
    supply.stop()
    count = len(drawn)
    assert count <= 2
    assert supply.next(1, again) is None
    assert len(drawn) == count


def test_what_goes_wrong_while_drawing_is_told() -> None:
    def broken() -> Iterator[Item]:
        yield item(0)
        raise OSError("the share is gone")

    problems: list[BaseException] = []
    supply = Supply(broken(), ahead=9, memory=1, failed=problems.append)
    supply._thread.join()
    assert str(problems[0]) == "the share is gone"
    supply.stop()


def test_two_pictures_that_do_not_fit_together_are_not_decoded_together(
    again: threading.Event, other: threading.Event
) -> None:
    supply = supply_of(0)
    assert supply.may_read(60, again)
    assert not supply.may_read(60, other)
    assert not other.is_set()
    supply.done(60, held=30)
    assert other.is_set()
    assert supply.may_read(60, other)
    supply.stop()


def test_what_is_too_much_is_decoded_alone(again: threading.Event, other: threading.Event) -> None:
    supply = supply_of(0)
    assert supply.may_read(10, again)
    assert not supply.may_read(1000, other)
    supply.done(10, held=5)
    assert not supply.may_read(1000, other)
    assert supply.may_write(5, again)
    supply.done(5, held=-5)
    assert other.is_set()
    assert supply.may_read(1000, other)
    supply.stop()


def test_who_waits_for_much_is_not_overtaken_for_ever(again: threading.Event, other: threading.Event) -> None:
    supply = supply_of(0)
    assert supply.may_read(10, again)
    assert not supply.may_read(None, other)
    assert not supply.may_read(10, again)  # it would fit, but the other has waited longer
    supply.done(10, held=0)
    assert supply.may_read(None, other)
    assert not supply.may_read(10, again)
    supply.done(None, held=0)
    assert supply.may_read(10, again)
    supply.stop()


def test_small_pictures_are_read_at_once_unless_somebody_waits(again: threading.Event, other: threading.Event) -> None:
    supply = supply_of(0)
    assert supply.may_read_at_once(60)
    assert not supply.may_read_at_once(60)
    assert not supply.may_read(50, other)
    assert not supply.may_read_at_once(10)  # it would fit, but the other waits
    supply.done(60, held=0)
    assert other.is_set()
    assert supply.may_read(50, other)
    assert supply.may_read_at_once(10)
    supply.stop()


def test_pictures_that_hold_all_the_memory_can_still_be_written(again: threading.Event, other: threading.Event) -> None:
    supply = supply_of(0)
    for lane in (again, other):
        assert supply.may_read(50, lane)
    supply.done(50, held=50)
    supply.done(50, held=50)
    assert supply.may_write(25, again)  # nobody is at work
    assert not supply.may_write(25, other)
    supply.done(25, held=-50)
    assert other.is_set()
    assert supply.may_write(25, other)
    supply.stop()
