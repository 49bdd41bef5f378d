"""What people have seen a watched folder do wrong, each driven against the real daemon."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from imgtrans.journal.location import FOLDER
from imgtrans.zoo.store import Model
from tests.disks import SmallDisk
from tests.pictures import noise, save
from tests.watching.daemon import Daemon, until

COMMON = ("--model", "tiny", "--device", "cpu", "--settle", 0.2, "-o", "out")


class Case:
    """A daemon over ``inbox`` into ``out``."""

    def __init__(self, place: Path, *options: object) -> None:
        self.inbox, self.out = place / "inbox", place / "out"
        self.inbox.mkdir(exist_ok=True)
        self.daemon = Daemon(place, "inbox", *COMMON, *options)
        self.daemon.wait_for(lambda: "watching inbox" in self.said, "the start")

    @property
    def said(self) -> str:
        return self.daemon.err.read_text()

    def count(self, status: str, name: str) -> int:
        """Return how often a picture has become this."""
        return sum(one.get("status") == status and one["input"].endswith(name) for one in self.daemon.events)

    def becomes(self, status: str, name: str, count: int = 1) -> dict[str, Any]:
        """Wait until a picture has become this so often."""
        self.daemon.wait_for(lambda: self.count(status, name) >= count, f"{name} {status} {count} times")
        return [one for one in self.daemon.events if one.get("status") == status and one["input"].endswith(name)][-1]

    def sentence(self, text: str, count: int = 1) -> None:
        """Wait until something is said so often."""
        self.daemon.wait_for(lambda: self.said.count(text) >= count, text)

    def end(self) -> None:
        code, said = self.daemon.stop()
        assert code == 0, said
        assert "bug" not in said
        assert not list(self.out.rglob("*.tmp"))


@pytest.fixture
def watching(tmp_path: Path, tiny: Model) -> Iterator[Callable[..., Case]]:
    """Start daemons; they are stopped and must have ended well."""
    made: list[Case] = []

    def start(*options: object) -> Case:
        made.append(Case(tmp_path, *options))
        return made[-1]

    yield start
    for case in made:
        if case.daemon.process.poll() is None:
            case.end()


def content(seed: int, side: int = 40) -> bytes:
    """Return a BMP, whose size does not depend on what is in it."""
    import io

    buffer = io.BytesIO()
    noise(side, side, seed=seed).save(buffer, "BMP")
    return buffer.getvalue()


def test_with_events_each_file_is_done_as_it_should_be(watching: Callable[..., Case], tmp_path: Path) -> None:
    case = watching()
    inbox, out = case.inbox, case.out

    # A burst, and what is no picture, or none yet.
    for number in range(40):
        save(inbox / "burst" / f"{number}.png", seed=number)
    whole = save(tmp_path / "whole.png", 64, 64).read_bytes()
    (inbox / "dl.png.part").write_bytes(whole)
    (inbox / ".hidden.png").write_bytes(whole)
    os.mkfifo(inbox / "pipe.jpg")
    (inbox / "out.png").symlink_to(tmp_path / "whole.png")
    case.daemon.wait_for(lambda: len(list((out / "burst").glob("*.png"))) == 40, "the burst")
    case.sentence("pipe.jpg is no regular file, and is passed over")
    case.sentence("out.png is a link that leads to no file of this folder")

    def status() -> str:
        command = [sys.executable, "-m", "imgtrans", "watch", "--status", str(inbox)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    until(lambda: "passed over: 2 pipes, sockets, devices or links" in status(), "the count")
    (inbox / "dl.png.part").rename(inbox / "dl.png")
    case.becomes("translated", "dl.png")

    # A paused upload: it is waited for while somebody has it open, or tried again once it is whole.
    with (inbox / "slow.png").open("wb") as file:
        file.write(whole[:2000])
        file.flush()
        time.sleep(1.0)
        file.write(whole[2000:])
    case.becomes("translated", "slow.png")
    (inbox / "half.png").write_bytes(whole[: len(whole) // 2])
    assert case.becomes("retried", "half.png")["seconds"] == 10
    (inbox / "half.png").write_bytes(whole)
    case.becomes("translated", "half.png")

    # One that is only a name so far, or has its size and nothing in it, is no failure either.
    (inbox / "named.png").touch()
    (inbox / "sized.png").write_bytes(bytes(len(whole)))
    for name in ("named.png", "sized.png"):
        assert case.becomes("retried", name)["seconds"] == 10
        (inbox / name).write_bytes(whole)
        case.becomes("translated", name)

    (inbox / "archive.png").write_bytes(b"PK\x03\x04".ljust(100))  # and this will never be a picture
    assert "is a ZIP archive" in case.becomes("failed", "archive.png")["error"]

    # Written over: translated again, also if size and time are put back.
    (inbox / "a.bmp").write_bytes(content(1))
    os.utime(inbox / "a.bmp", ns=(10**18, 10**18))
    case.becomes("translated", "a.bmp")
    first = (out / "a.bmp").read_bytes()
    with (inbox / "a.bmp").open("r+b") as file:
        file.write(content(2))
    os.utime(inbox / "a.bmp", ns=(10**18, 10**18))
    case.becomes("translated", "a.bmp", 2)
    second = (out / "a.bmp").read_bytes()
    assert second != first

    # Rights are changed: that is no other picture. Another name: its output is copied.
    (inbox / "a.bmp").chmod(0o600)
    (inbox / "a.bmp").rename(inbox / "b.bmp")
    assert case.becomes("translated", "b.bmp")["pixels"] == 0  # nothing was computed
    assert (out / "b.bmp").read_bytes() == second
    assert case.count("translated", "a.bmp") == 2

    # A folder comes, with all that is in it; another goes.
    (tmp_path / "ready" / "deep").mkdir(parents=True)
    save(tmp_path / "ready" / "deep" / "x.png", seed=50)
    (tmp_path / "ready").rename(inbox / "came")
    case.becomes("translated", "came/deep/x.png")

    # A worker is killed while there is nothing to do: nothing is lost, and nothing is said.
    workers = [
        one
        for one in psutil.Process(case.daemon.process.pid).children()
        if "executors.serving" in " ".join(one.cmdline())
    ]
    for one in workers:
        one.kill()
    save(inbox / "after.png", seed=51)
    case.becomes("translated", "after.png")
    assert case.count("failed", "after.png") + case.count("retried", "after.png") == 0

    names = [one["input"] for one in case.daemon.events if one.get("status") == "translated"]
    assert not any(part in name for name in names for part in (".part", ".hidden", "pipe", "out.png"))
    assert psutil.Process(case.daemon.process.pid).num_fds() < 60


def test_at_each_look_what_was_taken_away_or_stood_in_the_way_is_seen(watching: Callable[..., Case]) -> None:
    case = watching("--polling", "on", "--format", "jpg")
    inbox, out = case.inbox, case.out
    save(inbox / "a.png")
    case.becomes("translated", "a.png")

    # Two that would become one: the first stays, the second is named as ``run`` does.
    kept = (out / "a.jpg").read_bytes()
    save(inbox / "a.jpg", seed=1)
    assert (
        f"{Path('inbox/a.png')} and {Path('inbox/a.jpg')} would both become" in case.becomes("failed", "a.jpg")["error"]
    )
    assert (out / "a.jpg").read_bytes() == kept
    (inbox / "a.png").unlink()  # now the place is free
    case.becomes("translated", "inbox/a.jpg")
    assert case.count("failed", "a.jpg") == 1

    # The other way round it is the same.
    save(inbox / "e.jpg", seed=4)
    case.becomes("translated", "e.jpg")
    save(inbox / "e.png", seed=5)
    assert "would both become" in case.becomes("failed", "e.png")["error"]

    # Somebody deletes an output: it is made again.
    save(inbox / "b.png", seed=2)
    case.becomes("translated", "b.png")
    (out / "b.jpg").unlink()
    case.becomes("translated", "b.png", 2)

    # Somebody else's file is in the way, and goes.
    (out / "c.jpg").write_bytes(b"mine")
    save(inbox / "c.png", seed=3)
    assert "was not made by imgtrans" in case.becomes("failed", "c.png")["error"]
    assert (out / "c.jpg").read_bytes() == b"mine"
    (out / "c.jpg").unlink()
    case.becomes("translated", "c.png")

    # What is broken and gone is not remembered as failed.
    (inbox / "d.png").write_bytes((inbox / "b.png").read_bytes()[:90])
    case.becomes("retried", "d.png")
    (inbox / "d.png").unlink()

    def failed() -> int:
        command = [sys.executable, "-m", "imgtrans", "status", str(out), "--json"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return int(json.loads(said.splitlines()[-1])["failed"])

    until(lambda: failed() == 0, "a failure that is forgotten")


def test_folders_that_go_are_waited_for_and_gone_on_with(watching: Callable[..., Case], tmp_path: Path) -> None:
    case = watching()
    inbox, out = case.inbox, case.out
    save(inbox / "a.png")
    case.becomes("translated", "a.png")

    # The inbox goes, and another one comes in its place.
    inbox.rename(tmp_path / "aside")
    case.sentence("inbox is not there; waiting")
    inbox.mkdir()
    save(inbox / "b.png", seed=1)
    case.becomes("translated", "b.png")
    case.sentence("watching inbox again")

    # The journal goes: it is made anew with what is known, so that nothing is in its own way after a restart.
    for path in sorted((out / FOLDER).rglob("*"), reverse=True):
        path.unlink()
    (out / FOLDER).rmdir()
    case.sentence("the journal of out was gone; it is made anew with what is known")
    save(inbox / "c.png", seed=2)
    case.becomes("translated", "c.png")

    # The whole output folder goes: what is there is made again.
    out.rename(tmp_path / "out-aside")
    case.becomes("translated", "b.png", 2)
    case.becomes("translated", "c.png", 2)
    case.end()
    assert {path.name for path in out.glob("*.png")} == {"b.png", "c.png"}
    again = watching("--once")
    assert again.daemon.ended()[0] == 0
    assert [again.count("skipped", name) for name in ("b.png", "c.png")] == [1, 1]
    assert again.count("failed", "") == 0


def test_a_full_disk_and_one_that_is_unmounted_are_waited_for(
    watching: Callable[..., Case], small_disk: Callable[[str], SmallDisk], tmp_path: Path
) -> None:
    disk = small_disk("8m")
    (tmp_path / "out").symlink_to(disk.path)
    case = watching()
    disk.fill()
    save(case.inbox / "a.png", 400, 400)
    case.sentence("; waiting")
    assert not [name for name in disk.files() if name.endswith(".png")]
    (disk.path / "filler").unlink()
    case.becomes("translated", "a.png")
    assert case.said.count("; waiting") == 1

    subprocess.run(["umount", "-l", disk.path], check=True)
    case.sentence("; waiting", 2)
    save(case.inbox / "b.png", seed=1)
    time.sleep(2.0)
    assert list(disk.path.iterdir()) == []  # nothing is written into the bare mount point
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk.path], check=True)
    (disk.path / FOLDER).mkdir()  # it is the disk of the outputs, and not just any other
    case.becomes("translated", "b.png")
    case.end()


def test_who_reads_events_may_stop_to(tmp_path: Path, tiny: Model) -> None:
    (tmp_path / "inbox").mkdir()
    command = [sys.executable, "-m", "imgtrans", "watch", "inbox", *map(str, COMMON), "--json"]
    with (tmp_path / "stderr").open("wb") as err:
        # Nobody reads: that holds nothing up, and SIGTERM is heard.
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=err)
        assert process.stdout
        for number in range(300):
            save(tmp_path / "inbox" / f"{'long' * 40}{number}.png", 16, 16, seed=number)
        until(lambda: len(list((tmp_path / "out").glob("*.png"))) == 300, "all of them")
        # The reader goes away: it goes on.
        process.stdout.close()
        save(tmp_path / "inbox" / "last.png", seed=1)
        until((tmp_path / "out" / "last.png").exists, "the last one")
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert time.monotonic() - began < 10
