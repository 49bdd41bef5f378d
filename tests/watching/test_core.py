"""Watching that is broken off and gone on with, by an engine as a test has it."""

import threading
from collections.abc import Generator, Iterable
from pathlib import Path

from imgtrans.errors import FilesError
from imgtrans.protocols import Item, Outcome
from imgtrans.watching.core import watch_folder
from imgtrans.zoo.store import Model
from tests.pictures import save
from tests.watching.desks import opened_desk


class BreaksOff:
    """Ends with a full disk the first time, while whoever draws its items is still waiting for the first."""

    def __init__(self, inbox: Path, stop: threading.Event) -> None:
        self.found: list[list[str]] = []
        self._inbox, self._stop = inbox, stop
        self._drawing = threading.Thread()

    def describe(self) -> str:
        return "by a test"

    def run(self, items: Iterable[Item]) -> Generator[list[Outcome]]:
        found: list[str] = []
        self.found.append(found)
        if len(self.found) == 1:
            self._drawing = threading.Thread(target=lambda: found.extend(one.input.name for one in items), daemon=True)
            self._drawing.start()
            raise FilesError("the disk is full")
        save(self._inbox / "new.png", 8, 8)
        self._drawing.join(20)
        found.append(next(iter(items)).input.name)
        self._stop.set()
        yield from ()


def test_a_picture_is_found_by_who_goes_on_and_not_by_what_was_broken_off(tmp_path: Path, tiny: Model) -> None:
    stop = threading.Event()
    with opened_desk(tmp_path, settle=0.0) as desk:
        prepared, tending = desk.prepared, desk.tending
    engine = BreaksOff(tmp_path / "inbox", stop)
    watch_folder(prepared, tending, engine, stop)
    assert engine.found == [[], ["new.png"]]
