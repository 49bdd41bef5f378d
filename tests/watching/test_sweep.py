"""A look at everything, in slices."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgtrans.batch.asked import Request
from imgtrans.batch.request import prepare
from imgtrans.console import Console
from imgtrans.finding.selection import EVERYTHING
from imgtrans.journal.writing import Journal
from imgtrans.watching.conduct import Conduct
from imgtrans.watching.desk import Desk
from imgtrans.watching.finder import Finder
from imgtrans.watching.ground import Ground
from imgtrans.watching.inbox import Inbox
from imgtrans.watching.ledger import DONE, Fact, Ledger
from imgtrans.watching.seeing.looking import Looker, Seen
from imgtrans.watching.seeing.settling import Settling
from imgtrans.watching.seeing.version import Version
from imgtrans.watching.service.standing import Standing
from imgtrans.watching.sweep import Sweep
from imgtrans.watching.tending import Tending
from imgtrans.zoo.store import Model


class Seeing:
    """A sweep over an inbox of some files, and what it tells."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.seen, self.gone = desk, list[str](), list[str]()
        looker = Looker(desk.inbox, set(), EVERYTHING)
        finder = Finder(desk.prepared, desk.journal, desk.ledger, None)
        self.sweep = Sweep(desk, looker, finder, self._see, self.gone.append)

    def _see(self, one: Seen) -> None:
        self.seen.append(one.relative)


@pytest.fixture
def desk(tmp_path: Path, tiny: Model) -> Iterator[Desk]:
    inbox, out = tmp_path / "inbox", tmp_path / "out"
    inbox.mkdir()
    out.mkdir()
    for number in range(200):
        (inbox / f"{number:03}.png").touch()
    request = Request([inbox], "tiny", out)
    prepared = prepare(request)
    standing = Standing(str(inbox), str(out), "tiny")
    tending = Tending(Inbox(inbox, request, Conduct()), prepared, Console(0, False), None, standing)
    with Journal(out) as journal:
        yield Desk(prepared, tending, journal, Ledger(), Settling(2.0), Ground(inbox, out), time.monotonic)


def version(path: Path) -> Version:
    return Version.of(path.stat())


def test_a_look_may_be_left_at_any_time_and_gone_on_with(desk: Desk) -> None:
    seeing = Seeing(desk)
    slices = 1
    while not seeing.sweep.go_on(0.0):
        slices += 1
    assert slices == 200 // 64 + 1
    assert seeing.seen == [f"{number:03}.png" for number in range(200)]


def test_what_comes_while_it_looks_elsewhere_is_not_taken_for_gone_and_what_went_is(desk: Desk) -> None:
    desk.ledger.set("000.png", Fact(version(desk.inbox / "000.png"), DONE, b"000.png"))
    (desk.inbox / "000.png").unlink()
    seeing = Seeing(desk)
    assert not seeing.sweep.go_on(0.0)
    (desk.inbox / "later.png").touch()  # its folder has been listed, and an event tells of it
    desk.ledger.set("later.png", Fact(version(desk.inbox / "later.png"), "busy", b"later.png"))
    assert seeing.sweep.go_on(60.0)
    assert seeing.gone == ["000.png"]
    assert seeing.seen[-1] == "later.png"


def test_an_output_that_somebody_took_away_is_made_again_and_one_that_stands_is_not(desk: Desk) -> None:
    for name in ("000.png", "001.png"):
        output = desk.output / name
        output.write_bytes(b"made")
        status = output.stat()
        fact = Fact(version(desk.inbox / name), DONE, name.encode(), status.st_size, status.st_mtime_ns)
        desk.ledger.set(name, fact)
    (desk.output / "001.png").unlink()
    assert Seeing(desk).sweep.go_on(60.0)
    assert desk.settling.names() == {"001.png"}
