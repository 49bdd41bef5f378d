import errno
import os
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from imgtrans.journal import database
from imgtrans.watching.seeing import changes as changes_module
from imgtrans.watching.seeing.changes import MOST, Changes
from tests.disks import SmallDisk
from tests.watching.daemon import until


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


@pytest.mark.filterwarnings("ignore:Callback with id:RuntimeWarning")  # which the program ignores, too
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells by names that may have changed")
def test_what_is_in_a_folder_that_moves_while_another_takes_its_name_is_told(
    tmp_path: Path, stop: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    from watchdog.observers.inotify_c import InotifyFD

    late, reads = threading.Event(), InotifyFD.read_events

    def read_late(self: InotifyFD) -> list[Any]:
        events = reads(self)
        late.wait(20)
        return events

    monkeypatch.setattr(InotifyFD, "read_events", read_late)
    folder = tmp_path / "watched"
    folder.mkdir()
    changes = Changes(folder, "auto")
    try:
        (folder / "old" / "deep").mkdir(parents=True)
        (folder / "old").rename(folder / "new")
        (folder / "old" / "deep").mkdir(parents=True)
        late.set()
        until(lambda: changes._moved, "a folder has moved")  # not `check`: disks may come and go elsewhere
        assert changes.check()
        changes.renew()
        assert changes.has_events and not changes._moved
        changes.take(0.0, stop)
        pictures = {folder / "old" / "deep" / "a.jpg", folder / "new" / "deep" / "b.jpg"}
        for path in pictures:
            path.write_bytes(b"x")
        told: set[Path] = set()
        until(lambda: told.update(changes.take(0.1, stop).paths) or told >= pictures, "both are told", 20)
    finally:
        late.set()
        changes.end()


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


@pytest.mark.parametrize(
    ("kind", "said"), [("nfs4", "network"), ("virtiofs", "shared"), ("fuse.mergerfs", r"\(fuse\.mergerfs\)")]
)
def test_on_shares_and_where_a_program_is_the_file_system_there_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, said: str
) -> None:
    for module in (database, changes_module):
        monkeypatch.setattr(module, "file_system", lambda folder: kind)
    lines: list[str] = []
    assert not Changes(tmp_path, "auto", lines.append).has_events
    assert len(lines) == 1
    assert re.search(said, lines[0])
    forced = Changes(tmp_path, "off", lines.append)
    assert forced.has_events
    forced.end()
