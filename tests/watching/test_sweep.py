"""A look at everything, in slices."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from imgtrans.finding.selection import EVERYTHING
from imgtrans.watching.desk import Desk
from imgtrans.watching.finder import Finder
from imgtrans.watching.ledger import DONE, Fact
from imgtrans.watching.seeing.looking import Looker, Seen
from imgtrans.watching.seeing.version import Version
from imgtrans.watching.sweep import Sweep
from imgtrans.zoo.store import Model
from tests.watching.desks import opened_desk


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
    with opened_desk(tmp_path) as desk:
        for number in range(200):
            (desk.inbox / f"{number:03}.png").touch()
        yield desk


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
