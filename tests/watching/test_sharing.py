import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from imgtrans.protocols import Item, Outcome
from imgtrans.watching import sharing
from imgtrans.watching.sharing import SharedEngine, Turns


def item(name: str) -> Item:
    return Item(Path(name), Path(name), name.encode(), name.encode(), "PNG", 1, 1)


class Device:
    """Engines on one device, which may never compute two things at once; and what they have done."""

    def __init__(self) -> None:
        self.opened = 0
        self.is_open = False
        self.begun: list[str] = []
        self._busy = threading.Lock()
        self.fail = False
        self.working: Callable[[str], None] = lambda name: None

    @contextmanager
    def open(self) -> Iterator["Device"]:
        assert not self.is_open
        self.opened += 1
        self.is_open = True
        yield self
        self.is_open = False

    def describe(self) -> str:
        return "on a device"

    def run(self, items: Iterable[Item]) -> Generator[list[Outcome]]:
        assert self._busy.acquire(blocking=False), "two at once"
        read: queue.SimpleQueue[Item | BaseException | None] = queue.SimpleQueue()

        def draw() -> None:  # ahead of the work, as engines do
            try:
                for one in items:
                    read.put(one)
                read.put(None)
            except ValueError as error:
                read.put(error)

        try:
            threading.Thread(target=draw, daemon=True).start()
            while (one := read.get()) is not None:
                if isinstance(one, BaseException):
                    raise one
                if self.fail:
                    raise OSError("no more")
                self.begun.append(one.input.name)
                self.working(one.input.name)
                yield [Outcome(one, None)]
        finally:
            self._busy.release()


def done(outcomes: Iterable[list[Outcome]]) -> list[str]:
    return [one.item.input.name for group in outcomes for one in group]


def test_every_item_has_its_outcome_and_the_engine_is_opened_once() -> None:
    device = Device()
    engine = SharedEngine(device.open, Turns())
    assert engine.describe() == "on a device"
    assert done(engine.run(map(item, "abc"))) == [*"abc"]
    assert done(engine.run(map(item, "de"))) == [*"de"]
    assert done(engine.run([])) == []
    assert device.opened == 1
    engine.close()
    assert not device.is_open


def test_nobody_waits_for_one_whose_items_come_slowly() -> None:
    device = Device()
    engine = SharedEngine(device.open, Turns())
    more = threading.Event()

    def slowly() -> Iterator[Item]:
        yield item("first")
        assert more.wait(30)
        yield item("last")

    slow: list[str] = []
    thread = threading.Thread(target=lambda: slow.extend(done(engine.run(slowly()))))
    thread.start()
    assert done(engine.run(map(item, "abc"))) == [*"abc"]
    more.set()
    thread.join(30)
    assert slow == ["first", "last"]
    engine.close()


def test_a_burst_of_one_does_not_keep_another_waiting_for_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "TURN_ITEMS", 4)
    device = Device()
    turns = Turns()
    first, second = SharedEngine(device.open, turns), SharedEngine(Device().open, turns)
    single: list[str] = []

    def working(name: str) -> None:
        if name == "10":
            thread.start()
            while not turns.wanted:
                threading.Event().wait(0.001)

    device.working = working

    def one() -> None:
        single.extend(done(second.run([item("single")])))
        single.append(f"after {len(device.begun)}")

    thread = threading.Thread(target=one)
    assert len(done(first.run(item(f"{number}") for number in range(1000)))) == 1000
    thread.join(30)
    assert single[0] == "single"
    assert int(single[1].split()[1]) < 900
    first.close()
    second.close()


def test_a_model_that_nobody_uses_is_closed_and_opened_again() -> None:
    device = Device()
    changes: list[bool] = []
    closed = threading.Event()

    def told(loaded: bool) -> None:
        changes.append(loaded)
        if not loaded:
            closed.set()

    engine = SharedEngine(device.open, Turns(), 0.05, told)
    assert done(engine.run([item("a")])) == ["a"]
    assert closed.wait(30)
    assert not device.is_open
    assert done(engine.run([item("b")])) == ["b"]
    engine.close()
    assert changes == [True, False, True, False]
    assert device.opened == 2


def test_what_is_broken_off_is_opened_anew() -> None:
    device = Device()
    engine = SharedEngine(device.open, Turns())
    device.fail = True
    with pytest.raises(OSError, match="no more"):
        done(engine.run([item("a")]))
    device.fail = False
    groups = engine.run(map(item, "abc"))
    next(groups)
    groups.close()
    assert done(engine.run([item("b")])) == ["b"]
    assert device.opened == 3
    engine.close()


def test_what_goes_wrong_with_finding_items_is_told_to_who_asked_for_them() -> None:
    def broken() -> Iterator[Item]:
        yield item("a")
        raise ValueError("no folder")

    engine = SharedEngine(Device().open, Turns())
    groups = engine.run(broken())
    assert next(groups)
    with pytest.raises(ValueError, match="no folder"):
        next(groups)
    engine.close()
