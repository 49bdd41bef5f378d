"""The parts of the search: what settles, what a look sees, what is known of files, and what is passed over."""

import errno
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgtrans.finding.selection import EVERYTHING, Selection
from imgtrans.watching import changes as changes_module
from imgtrans.watching.after import Version
from imgtrans.watching.changes import MOST, Changes
from imgtrans.watching.ground import AwayError, Ground
from imgtrans.watching.ledger import DONE, Fact, Ledger
from imgtrans.watching.looking import Looker, between_looks
from imgtrans.watching.names import is_passed_over
from imgtrans.watching.settling import Settling
from imgtrans.watching.writers import can_tell, is_written, ready_to_ask
from tests.disks import SmallDisk


def version(size: int = 1, inode: int = 1, ctime: int = 1) -> Version:
    return Version(1, inode, size, 1, ctime)


# What settles


def test_a_file_is_whole_when_it_has_stopped_changing() -> None:
    settling = Settling(2.0)
    settling.see("a", version(1), 0.0)
    settling.see("a", version(2), 1.9)
    settling.see("a", version(2), 3.0)  # seen again, and not changed: its time goes on
    assert list(settling.due(3.8)) == []
    assert settling.seconds(3.8) == pytest.approx(0.1)
    assert list(settling.due(3.9)) == [("a", version(2))]
    assert (len(settling), settling.seconds(4.0)) == (0, None)


def test_one_slow_file_does_not_hold_up_another() -> None:
    settling = Settling(1.0)
    settling.see("slow", version(1), 0.0)
    settling.see("fast", version(1), 0.0)
    settling.see("slow", version(2), 0.9)
    assert [name for name, _ in settling.due(1.0)] == ["fast"]
    assert settling.names() == {"slow"}


def test_a_file_that_went_away_does_not_become_due() -> None:
    settling = Settling(1.0)
    settling.see("a", version(), 0.0)
    settling.forget("a")
    assert list(settling.due(9.0)) == []


# What is passed over


@pytest.mark.parametrize(
    "name",
    [
        ".hidden.jpg", "dl.jpg.part", "dl.jpg.crdownload", "dl.jpg.PARTIAL", "a.jpg.filepart", "a.jpg.tmp", "~$doc.jpg",
        "a.jpg~", ".syncthing.a.jpg.tmp", ".a.jpg.Xk3d9Z", "a.jpg.download", "a.jpg.!ut", "Thumbs.db", "a.jpg.aria2",
    ],
)  # fmt: skip
def test_names_of_what_is_not_there_for_good_are_passed_over(name: str) -> None:
    assert is_passed_over(name)


@pytest.mark.parametrize(
    "name", ["a.jpg", "part.jpg", "tmp.png", "my download.jpg", "a~b.jpg", "template.tif", "noext"]
)
def test_other_names_are_not(name: str) -> None:
    assert not is_passed_over(name)


# A look


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "inbox" / "deep" / "er").mkdir(parents=True)
    for name in ("b.png", "a.png", "deep/c.png", "deep/er/d.png"):
        (tmp_path / "inbox" / name).write_bytes(b"x")
    return tmp_path / "inbox"


def names(looker: Looker) -> list[str]:
    return [one.relative for one in looker.all()]


def test_a_look_yields_every_file_in_order_and_opens_none(inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*arguments: object) -> int:
        raise AssertionError(arguments)

    monkeypatch.setattr(os, "open", opened)
    assert names(Looker(inbox, set(), EVERYTHING)) == ["a.png", "b.png", "deep/c.png", "deep/er/d.png"]


def test_looks_take_less_than_a_five_hundredth_of_the_time_and_come_every_five_minutes_at_most() -> None:
    assert between_looks(0.01) == 300.0
    for cpu in (0.5, 2.0, 20.0):
        assert cpu / between_looks(cpu) < 0.002


def test_closed_folders_and_what_is_not_selected_are_left_out(inbox: Path) -> None:
    assert names(Looker(inbox, {os.path.realpath(inbox / "deep")}, EVERYTHING)) == ["a.png", "b.png"]
    assert names(Looker(inbox, set(), Selection(include=("deep/**",)))) == ["deep/c.png", "deep/er/d.png"]
    assert names(Looker(inbox, set(), Selection(exclude=("deep",)))) == ["a.png", "b.png"]


def test_pipes_sockets_and_links_out_of_the_folder_are_passed_over_and_told(inbox: Path, tmp_path: Path) -> None:
    os.mkfifo(inbox / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(inbox / "s.jpg"))
        (tmp_path / "secret").mkdir()
        (tmp_path / "secret" / "s.png").write_bytes(b"x")
        (inbox / "link.png").symlink_to(tmp_path / "secret" / "s.png")
        (inbox / "linked").symlink_to(tmp_path / "secret")
        (inbox / "inside.png").symlink_to(inbox / "a.png")
        told: list[str] = []
        looker = Looker(inbox, set(), EVERYTHING, lambda path, why: told.append(why))
        assert names(looker) == ["a.png", "b.png", "inside.png", "deep/c.png", "deep/er/d.png"]
    assert len(told) == 4
    assert list(looker.at(inbox / "linked" / "s.png")) == []
    assert list(looker.at(inbox / "pipe.jpg")) == []


def test_at_a_path_is_a_file_or_all_of_a_folder_and_nothing_outside(inbox: Path, tmp_path: Path) -> None:
    looker = Looker(inbox, {os.path.realpath(inbox / "deep" / "er")}, EVERYTHING)
    assert [one.relative for one in looker.at(inbox / "a.png")] == ["a.png"]
    assert [one.relative for one in looker.at(inbox / "deep")] == ["deep/c.png"]
    for path in (inbox / "deep" / "er" / "d.png", inbox / "gone.png", tmp_path / "x", inbox / ".imgtrans" / "lock"):
        assert list(looker.at(path)) == []


# What is known


def test_an_output_has_one_owner_and_a_file_that_is_gone_may_come_back_under_another_name() -> None:
    ledger = Ledger()
    ledger.set("a.png", Fact(version(), DONE, b"a.jpg"))
    assert ledger.owner(b"a.jpg") == "a.png"
    ledger.depart("a.png")
    assert (ledger.owner(b"a.jpg"), ledger["a.png"]) == (None, None)
    assert ledger.before(version(ctime=7)) == ("a.png", Fact(version(), DONE, b"a.jpg"))
    assert ledger.before(version(size=2)) is None
    assert ledger.before(version(inode=9)) is None


# The ground


def test_a_folder_that_is_another_one_now_is_noticed(tmp_path: Path) -> None:
    inbox, output = tmp_path / "in", tmp_path / "out"
    inbox.mkdir()
    (output / ".imgtrans").mkdir(parents=True)
    ground = Ground(inbox, output)
    ground.settle()
    ground.check()
    inbox.rename(tmp_path / "aside")
    with pytest.raises(AwayError, match="in is not there"):
        ground.check()
    assert ground.missing() == f"{inbox} is not there"
    inbox.mkdir()
    with pytest.raises(AwayError, match="another folder than before"):
        ground.check()
    assert ground.missing() == ""


# Changes


@pytest.fixture
def stop() -> threading.Event:
    return threading.Event()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Changes]:
    folder = tmp_path / "watched"
    folder.mkdir()
    changes = Changes(folder, "auto")
    yield changes
    changes.end()


def test_what_is_written_is_told_and_reading_hidden_and_temporary_files_wake_nobody(
    watched: Changes, tmp_path: Path, stop: threading.Event
) -> None:
    folder = tmp_path / "watched"
    (folder / ".rsync.Xk2").write_bytes(b"x" * 1000)
    (folder / "a.jpg.part").write_bytes(b"x")
    (folder / "a.jpg").write_bytes(b"x")
    told: set[Path] = set()
    while folder / "a.jpg" not in told:
        told |= watched.take(5.0, stop).paths
    told |= watched.take(0.3, stop).paths
    assert {path.name for path in told} <= {"a.jpg", "watched"}
    (folder / "a.jpg").read_bytes()
    os.listdir(folder)
    assert not watched.take(0.3, stop)


def test_more_than_can_be_remembered_is_everything(watched: Changes, stop: threading.Event) -> None:
    for number in range(MOST + 1):
        watched.add(Path(f"{number}"))
    changed = watched.take(0.0, stop)
    assert (changed.everything, changed.paths) == (True, set())
    assert not watched.take(0.0, stop)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "fs.inotify.max_user_watches"),
        (errno.EMFILE, "fs.inotify.max_user_instances"),
        (errno.EIO, "rror"),
    ],
)
def test_without_events_one_line_says_why_and_they_are_had_again_as_soon_as_they_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    class Exhausted:
        def schedule(self, *arguments: object, **options: object) -> None:
            pass

        def start(self) -> None:
            raise OSError(number, os.strerror(number))

        def stop(self) -> None:
            pass

        def is_alive(self) -> bool:
            return False

    with monkeypatch.context() as context:
        context.setattr(changes_module, "Observer", Exhausted)
        lines: list[str] = []
        changes = Changes(tmp_path, "auto", lines.append)
        assert not changes.begin()
        assert not changes.has_events
    assert len(lines) == 1
    assert said in lines[0]
    assert changes.begin()
    assert lines[1:] == [f"{tmp_path}: the system tells of changes again"]
    changes.end()


@pytest.mark.skipif(sys.platform != "linux", reason="of Linux")
def test_a_disk_that_comes_or_goes_elsewhere_is_told_and_costs_no_look(watched: Changes, tmp_path: Path) -> None:
    assert not watched.check()
    disk = SmallDisk(tmp_path / "elsewhere", "1m")
    try:
        assert watched.check()
        assert not watched.take(0.0, threading.Event())
    finally:
        disk.close()


def test_who_wants_it_looked_at_gets_no_events(tmp_path: Path) -> None:
    assert not Changes(tmp_path, "on").has_events


def test_on_a_network_share_there_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes_module, "on_network", lambda folder: True)
    lines: list[str] = []
    assert not Changes(tmp_path, "auto", lines.append).has_events
    assert "network" in lines[0]
    forced = Changes(tmp_path, "off", lines.append)
    assert forced.has_events
    forced.end()


# Who writes


@pytest.fixture
def asking() -> Iterator[None]:
    before = signal.getsignal(signal.SIGIO)
    ready_to_ask()
    yield
    signal.signal(signal.SIGIO, before)


@pytest.mark.usefixtures("asking")
def test_a_file_that_is_open_for_writing_is_known(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    with path.open("wb") as file:
        file.write(b"x")
        if not is_written(str(path)):
            pytest.skip("this file system gives no leases")
    assert not is_written(str(path))
    with path.open("rb"):
        assert not is_written(str(path))
    assert not is_written(str(tmp_path / "gone"))


def test_nobody_is_asked_where_that_could_kill(tmp_path: Path) -> None:
    if signal.getsignal(signal.SIGIO) != signal.SIG_IGN:
        assert not can_tell()
