"""What a watched folder costs while nothing happens in it, and when one picture arrives."""

import builtins
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from imgtrans.finding.destination import item_for
from imgtrans.finding.file import look
from imgtrans.protocols import Item, Outcome
from imgtrans.watching.desk import Desk
from imgtrans.watching.finder import Finder
from imgtrans.watching.ledger import DONE
from imgtrans.watching.results import Results
from imgtrans.watching.search import Search
from imgtrans.watching.seeing.changes import Changed
from imgtrans.zoo.store import Model
from tests.pictures import save
from tests.watching.desks import opened_desk


class Told:
    """Says what has changed, as a test has it.

    Args:
        idle: Is called when there is nothing to do, and returns what has changed then.
        has_events: Whether the system is said to tell of changes.
    """

    def __init__(self, idle: Callable[[], Changed], has_events: bool = True) -> None:
        self.has_events = has_events
        self.begun = 0
        self._idle = idle

    def take(self, seconds: float, stop: threading.Event) -> Changed:
        return self._idle() if seconds > 0 else Changed()

    def check(self) -> bool:
        return False

    def begin(self) -> bool:
        self.begun += 1
        return False

    def renew(self) -> None:
        pass

    def wake(self) -> None:
        pass


def searching(desk: Desk, told: Any) -> Search:
    desk.ground.settle()
    finder = Finder(desk.prepared, desk.journal, desk.ledger, None)
    return Search(desk, told, finder, Results(desk))


class Calls:
    """Counts what the system is asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        for module, name in ((os, "stat"), (os, "lstat"), (os, "open"), (os, "scandir"), (builtins, "open")):
            monkeypatch.setattr(module, name, self._counted(getattr(module, name)))

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            self.count += 1
            return call(*arguments, **options)

        return counted


def cost_of_one(place: Path, done: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """Return how often the system is asked for something from the event of a picture until it is handed on."""
    with opened_desk(place, settle=0.0) as desk:
        entries = []
        for number in range(done):
            path = save(desk.inbox / f"{number:03}.png", 8, 8)
            item = item_for(look(path, path.relative_to(desk.inbox), desk.inbox), desk.prepared.destination)
            item.output.write_bytes(b"x")
            entries.append(desk.prepared.recipe.entry(item, DONE, item.output.stat()))
        desk.journal.record(entries)
        with monkeypatch.context() as context:
            counting: list[Calls] = []

            def arrived() -> Changed:
                if counting:
                    return Changed()
                assert desk.tending.standing.known == done
                path = save(desk.inbox / "new.png", 8, 8, seed=1)
                counting.append(Calls(context))
                return Changed({path})

            items = searching(desk, Told(arrived)).items(threading.Event())
            assert next(items).input.name == "new.png"
            items.close()  # type: ignore[attr-defined]
            return counting[0].count


def test_one_that_arrives_costs_the_same_whatever_is_done(
    tmp_path: Path, tiny: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "few").mkdir()
    (tmp_path / "many").mkdir()
    alone = cost_of_one(tmp_path / "few", 0, monkeypatch)
    assert 0 < alone < 60
    assert cost_of_one(tmp_path / "many", 150, monkeypatch) <= alone + 2


def test_who_still_draws_from_one_that_is_closed_gets_nothing_and_nothing_is_begun(tmp_path: Path, tiny: Model) -> None:
    """Else a picture that it finds would be in hand for ever, as nobody translates it any more."""
    waits, goes_on = threading.Event(), threading.Event()

    def arrived() -> Changed:
        waits.set()
        goes_on.wait(20)
        return Changed({save(desk.inbox / "new.png", 8, 8)})

    with opened_desk(tmp_path, settle=0.0) as desk:
        search, found = searching(desk, Told(arrived)), []
        drawing = threading.Thread(target=lambda: found.extend(search.items(threading.Event())), daemon=True)
        drawing.start()
        assert waits.wait(20)
        search.close()
        goes_on.set()
        drawing.join(20)
        assert not drawing.is_alive()
        assert (found, desk.ledger.busy, len(desk.settling)) == ([], 0, 0)


def made(desk: Desk, item: Item) -> Outcome:
    temporary = item.output.with_name("made.tmp")
    temporary.write_bytes(b"what was made")
    return Outcome(item, temporary)


def test_what_was_made_of_a_picture_that_was_replaced_meanwhile_is_not_taken_for_its_own(
    tmp_path: Path, tiny: Model
) -> None:
    """It may be of either content, so it is no output for the first one, which goes on under another name."""

    def changes() -> Iterator[Changed]:
        first = save(desk.inbox / "first.png", 8, 8)
        yield Changed({first})
        first.rename(desk.inbox / "other.png")
        save(first, 9, 9)
        results.finish([made(desk, found[0])])
        first.unlink()
        yield Changed({first, desk.inbox / "other.png"})
        stop.set()
        yield Changed()

    with opened_desk(tmp_path, settle=0.0) as desk:
        found: list[Item] = []
        told, stop, results = changes(), threading.Event(), Results(desk)
        for item in searching(desk, Told(lambda: next(told))).items(stop):
            found.append(item)
        assert [one.input.name for one in found] == ["first.png", "other.png"]


def test_a_picture_that_failed_and_went_and_comes_back_takes_the_place_of_its_own_output(
    tmp_path: Path, tiny: Model
) -> None:
    def changes() -> Iterator[Changed]:
        yield Changed({save(path, 8, 8)})
        results.finish([made(desk, found[0])])
        yield Changed({save(path, 9, 9)})
        results.finish([Outcome(found[1], None, "It is broken.")])
        assert [*desk.journal.failed()]
        path.unlink()
        yield Changed({path})
        assert not [*desk.journal.failed()]
        yield Changed({save(path, 10, 10)})
        stop.set()
        yield Changed()

    with opened_desk(tmp_path, settle=0.0) as desk:
        path, found = desk.inbox / "picture.png", list[Item]()
        told, stop, results = changes(), threading.Event(), Results(desk)
        for item in searching(desk, Told(lambda: next(told))).items(stop):
            found.append(item)
        assert len(found) == 3
        assert desk.tending.standing.failed == 0


def test_without_events_they_are_asked_for_every_half_minute(tmp_path: Path, tiny: Model) -> None:
    now, stop = [0.0], threading.Event()

    def passed() -> Changed:
        now[0] += 1.0
        if now[0] >= 100:
            stop.set()
        return Changed()

    with opened_desk(tmp_path, clock=lambda: now[0]) as desk:
        told = Told(passed, has_events=False)
        assert list(searching(desk, told).items(stop)) == []
        assert 3 <= told.begun <= 4
