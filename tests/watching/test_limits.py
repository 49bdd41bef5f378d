"""What the kernel keeps from a watched folder: watches and instances that are used up, and events that are lost.

The limits are those of a user namespace of the daemon's own, so that nobody else's are touched.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgtrans.zoo.store import Model
from tests.disks import SmallDisk
from tests.pictures import save
from tests.watching.daemon import Daemon

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="of Linux")
OPTIONS = ("inbox", "--model", "tiny", "--device", "cpu", "--settle", 0.2, "-o", "out")


class Limited(Daemon):
    """A daemon in a user namespace with limits of its own.

    Args:
        place: Where it is started.
        limits: What is written to files of ``/proc/sys/user``.
    """

    def __init__(self, place: Path, **limits: int) -> None:
        wrapper = place / "limited"
        orders = "".join(f"echo {value} > /proc/sys/user/{name}\n" for name, value in limits.items())
        wrapper.write_text(f'#!/bin/sh\nset -e\n{orders}exec "{sys.executable}" "$@"\n')
        wrapper.chmod(0o755)
        command = ["unshare", "--user", "--map-root-user", str(wrapper)]
        if subprocess.run([*command, "-c", ""], capture_output=True, check=False).returncode:
            pytest.skip("limits of one's own cannot be had here")
        super().__init__(place, *OPTIONS, python=command)


@pytest.fixture
def place(tmp_path: Path, tiny: Model) -> Iterator[Path]:
    (tmp_path / "inbox").mkdir()
    yield tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("limit", ["max_inotify_watches", "max_inotify_instances"])
def test_where_a_limit_is_reached_it_is_looked_and_the_setting_is_named(place: Path, limit: str) -> None:
    inbox = place / "inbox"
    for number in range(41):
        (inbox / f"{number}").mkdir()
    daemon = Limited(place, **{limit: 5 if "watches" in limit else 0})
    daemon.wait_for(lambda: "watching inbox" in daemon.err.read_text(), "the start")
    for number in (1, 40):
        save(inbox / f"{number}" / "a.png", seed=number)
    daemon.event(2, event="image", status="translated")
    code, said = daemon.stop()
    assert code == 0
    name = limit.replace("inotify", "user")
    assert said.count(f"inbox cannot be watched by events: the system's limit is fs.inotify.{name}") == 1


@pytest.mark.slow
def test_a_limit_that_is_reached_later_is_noticed_when_it_is(place: Path) -> None:
    inbox = place / "inbox"
    daemon = Limited(place, max_inotify_watches=5)
    daemon.wait_for(lambda: "watching inbox" in daemon.err.read_text(), "the start")
    for number in range(3):
        (inbox / f"{number}").mkdir()
    save(inbox / "2" / "a.png")
    daemon.event(event="image", status="translated")
    assert "events" not in daemon.err.read_text()
    for number in range(3, 10):
        (inbox / f"{number}").mkdir()
    daemon.wait_for(lambda: "fs.inotify.max_user_watches" in daemon.err.read_text(), "the line")
    save(inbox / "9" / "b.png")
    daemon.event(2, event="image", status="translated")
    assert daemon.stop()[0] == 0


@pytest.mark.slow
def test_after_more_events_than_the_system_keeps_all_is_looked_at(place: Path) -> None:
    inbox = place / "inbox"
    daemon = Daemon(place, *OPTIONS)
    daemon.wait_for(lambda: "watching inbox" in daemon.err.read_text(), "the start")
    daemon.process.send_signal(signal.SIGSTOP)
    most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if most > 50_000:
        pytest.skip("that are too many events for a test")
    for number in range(most):
        (inbox / f".{number}").touch()
    save(inbox / "late.png")
    daemon.process.send_signal(signal.SIGCONT)
    daemon.event(event="image", status="translated")
    assert daemon.stop()[0] == 0


@pytest.mark.slow
def test_an_inbox_whose_disk_was_away_for_a_moment_loses_nothing(place: Path) -> None:
    store, inbox = place / "store", place / "inbox"
    disk = SmallDisk(store, "4m")
    (store / "here").mkdir()
    mount = ["mount", "--bind", store / "here", inbox]
    subprocess.run(mount, check=True)
    try:
        daemon = Daemon(place, *OPTIONS)
        daemon.wait_for(lambda: "watching inbox" in daemon.err.read_text(), "the start")
        for number in range(10):
            # Away just when it would be seen to have settled, and back before anybody looks whether it is there.
            save(store / "here" / f"{number}.png", seed=number)
            subprocess.run(["umount", "-l", inbox], check=True)
            time.sleep(0.25)
            subprocess.run(mount, check=True)
        daemon.wait_for(lambda: len(list((place / "out").glob("*.png"))) == 10, "all of them")
        assert daemon.stop()[0] == 0
    finally:
        subprocess.run(["umount", "-l", inbox], check=False)
        disk.close()
