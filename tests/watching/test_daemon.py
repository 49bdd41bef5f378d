"""The daemon, as a sysadmin meets it: a process, signals, files."""

import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imgtrans.zoo.store import Model
from tests.conftest import Ended
from tests.pictures import save
from tests.watching.daemon import Daemon, until

Cli = Callable[..., Ended]

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="needs signals")]


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[Callable[..., Daemon]]:
    """Start daemons in the test's folder, of which none outlives it."""
    started: list[Daemon] = []

    def start(*arguments: object, **settings: Any) -> Daemon:
        started.append(Daemon(tmp_path, *arguments, **settings))
        return started[-1]

    yield start
    for daemon in started:
        daemon.process.kill()
        daemon.process.wait()


class Systemd:
    """What systemd is: it listens, and remembers what it was told."""

    def __init__(self, address: Path) -> None:
        self.address = str(address)
        self.heard: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        while (text := self._socket.recv(4096).decode()) != "end":
            self.heard.append(text)

    def told(self, what: str, after: int = 0) -> int:
        """Wait until it is told something, after so many other things, and return what number that was."""
        return until(lambda: [n for n, text in enumerate(self.heard, 1) if n > after and what in text], what)[0]

    def close(self) -> None:
        """Listen no more."""
        self._socket.sendto(b"end", self.address)
        self._thread.join()
        self._socket.close()


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    """A systemd that listens at ``notify``."""
    listening = Systemd(tmp_path / "notify")
    yield listening
    listening.close()


def test_sources_go_where_they_are_wanted_and_everybody_is_told(
    tmp_path: Path, tiny: Model, watching: Callable[..., Daemon], cli: Cli, systemd: Systemd
) -> None:
    inbox = tmp_path / "inbox"
    save(inbox / "sub" / "a.png")
    whole = save(tmp_path / "whole.png", 64, 64).read_bytes()
    (inbox / "broken.png").write_bytes(whole[: len(whole) // 2])
    (inbox / "broken.png").touch()
    hook = tmp_path / "hook"
    hook.write_text(f'#!/bin/sh\necho "$IMGTRANS_ARCHIVED" >>{tmp_path}/hooked\n')
    hook.chmod(0o755)
    daemon = watching(
        *("inbox", "--model", "tiny", "--settle", 0.2, "--archive", "done", "--failed", "bad", "--retries", 0),
        *("--on-done", hook, "--metrics", "numbers.prom"),
        NOTIFY_SOCKET=str(tmp_path / "notify"),
        WATCHDOG_USEC="1000000",
    )
    assert "STATUS=" in systemd.heard[systemd.told("READY=1") - 1]
    done = daemon.event(event="image", status="translated")
    assert done["source"] == str(tmp_path / "done" / "sub" / "a.png")
    failed = daemon.event(event="image", status="failed")
    assert failed["source"] == str(tmp_path / "bad" / "broken.png")
    assert (tmp_path / "bad" / "broken.png.txt").read_text().startswith(failed["error"])
    assert (tmp_path / "inbox-tiny" / "sub" / "a.png").is_file()
    assert [path for path in inbox.rglob("*") if path.is_file()] == []
    systemd.told("WATCHDOG=1")
    until(lambda: (tmp_path / "hooked").exists(), "the command")
    assert (tmp_path / "hooked").read_text() == f"{tmp_path}/done/sub/a.png\n"

    # Somebody asks how it stands; somebody else wants the same inbox.
    def status() -> Ended:
        return cli("watch", "--status", inbox)

    assert until(lambda: "1 translated, 0 done before, 1 failed" in status().out, "the status")
    assert status().code == 0
    assert f"last error: {failed['time'][:10]}" in status().out
    another = cli("watch", inbox, "--model", "tiny", "-o", tmp_path / "elsewhere")
    assert (another.code, "is watched by another process" in another.err) == (4, True)

    # The same name again: nothing in the archive is overwritten.
    save(inbox / "sub" / "a.png", seed=1)
    assert daemon.event(2, event="image", status="translated")["source"] == str(tmp_path / "done" / "sub" / "a-2.png")

    code, said = daemon.stop()
    assert code == 0, said
    systemd.told("STOPPING=1")
    assert all(re.match(r"\d{4}-\d\d-\d\dT\S+ (info|warning): ", line) for line in said.splitlines()), said
    numbers = (tmp_path / "numbers.prom").read_text()
    assert f'imgtrans_watch_pictures_total{{inbox="{inbox}",result="translated"}} 2' in numbers
    assert (status().code, "was stopped" in status().err) == (4, True)


def test_a_reload_takes_the_new_configuration_and_loses_nothing(
    tmp_path: Path, tiny: Model, watching: Callable[..., Daemon], home: Path, systemd: Systemd
) -> None:
    inbox = tmp_path / "inbox"
    save(inbox / "a.png")
    config = tmp_path / "my.toml"
    config.write_text('[watch]\nmodel = "tiny"\nsettle = 0.2\nidle-unload = 1\n')
    daemon = watching("inbox", "-o", "out", before=("--config", "my.toml"), NOTIFY_SOCKET=str(tmp_path / "notify"))
    daemon.event(event="image", status="translated")

    # Nobody needs the model for a second: its memory is free again.
    daemon.event(event="unloaded")
    save(inbox / "b.png", seed=1)
    daemon.event(2, event="image", status="translated")

    config.write_text('[watch]\nmodel = "nobody"\n')
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_for(lambda: "not reloaded: " in daemon.err.read_text())
    save(inbox / "c.png", seed=2)
    daemon.event(3, event="image", status="translated")

    config.write_text('[watch]\nmodel = "tiny"\nsettle = 0.1\nsuffix = "-new"\nmirror-deletes = true\n')
    daemon.process.send_signal(signal.SIGHUP)
    systemd.told("READY=1", after=systemd.told("RELOADING=1"))
    everything = {f"{name}{suffix}.png" for name in "abc" for suffix in ("", "-new")}
    daemon.wait_for(lambda: {path.name for path in (tmp_path / "out").glob("*.png")} == everything)

    # Outputs go with their sources, and a source that only has another name keeps its own.
    (inbox / "b.png").unlink()
    (inbox / "c.png").rename(inbox / "d.png")
    assert daemon.event(event="mirrored")
    daemon.wait_for(lambda: not (tmp_path / "out" / "c-new.png").exists())
    assert {path.name for path in (tmp_path / "out").glob("*-new.png")} == {"a-new.png", "d-new.png"}
    code, said = daemon.stop()
    assert code == 0, said


def test_several_inboxes_share_a_model_and_each_has_its_own_options(
    tmp_path: Path, tiny: Model, watching: Callable[..., Daemon]
) -> None:
    save(tmp_path / "scans" / "a.png")
    save(tmp_path / "camera" / "b.png", seed=1)
    (tmp_path / "camera" / "c.png").write_bytes(b"\x89PNG\r\n\x1a\nno picture")
    (tmp_path / "my.toml").write_text(
        '[watch]\nmodel = "tiny"\nsettle = 0.1\nretries = 0\n'
        '[watch.scans]\ninbox = "scans"\n[watch.camera]\ninbox = "camera"\noutput = "out"\ndelete = true\n'
    )
    (tmp_path / "stderr").touch()
    status = (tmp_path / "stderr").stat()
    daemon = watching("--once", before=("--config", "my.toml"), JOURNAL_STREAM=f"{status.st_dev}:{status.st_ino}")
    code, said = daemon.ended()
    assert code == 1, said  # one has failed
    assert "<4>[camera] camera/c.png " in said  # as systemd's journal takes it
    assert "<6>[scans] watching scans with tiny " in said
    assert (tmp_path / "scans-tiny" / "a.png").is_file()
    assert (tmp_path / "out" / "b.png").is_file()
    assert (tmp_path / "scans" / "a.png").is_file()
    assert [path.name for path in (tmp_path / "camera").iterdir()] == ["c.png"]
    assert sum(event["event"] == "loaded" for event in daemon.events) == 1


def quickest_end(start: Callable[[], Daemon], tries: int = 6) -> float:
    """Return how soon a daemon ends once it is told to, tried until that is soon, as others may have the machine."""
    waited = []
    while len(waited) < tries and min(waited, default=1.0) >= 1.0:
        daemon = start()
        started = time.monotonic()
        code, said = daemon.stop()
        waited.append(time.monotonic() - started)
        assert code in (0, 143), said  # before the command was understood, a signal is a signal
        assert "Traceback" not in said
    return min(waited)


@pytest.mark.parametrize("after", [0.3, 0.6, 1.2])
def test_who_stops_it_at_once_does_not_wait_for_it_to_start(
    tmp_path: Path, tiny: Model, watching: Callable[..., Daemon], after: float
) -> None:
    save(tmp_path / "inbox" / "a.png")

    def start() -> Daemon:
        daemon = watching("inbox", "--model", "tiny")
        time.sleep(after)
        return daemon

    assert quickest_end(start) < 1


def test_who_stops_it_while_there_is_nothing_to_do_does_not_wait(
    tmp_path: Path, tiny: Model, watching: Callable[..., Daemon]
) -> None:
    save(tmp_path / "inbox" / "a.png")

    def start() -> Daemon:
        daemon = watching("inbox", "--model", "tiny", "--settle", 0.1)
        daemon.event(event="image")
        return daemon

    assert quickest_end(start) < 1


def test_a_terminal_that_is_closed_ends_it(tmp_path: Path, tiny: Model) -> None:
    (tmp_path / "inbox").mkdir()
    code = (
        "import os, sys; os.setsid(); os.close(os.open(os.ttyname(2), os.O_RDWR)); os.execv(sys.argv[1], sys.argv[1:])"
    )
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", code, sys.executable, "-m", "imgtrans", "watch", "inbox", "--model", "tiny"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    said = b""
    while b"watching" not in said:
        said += os.read(ours, 1000)
    os.close(ours)
    assert process.wait(60) == 0


def test_who_stops_it_waits_for_what_is_in_hand_and_who_insists_does_not(
    tmp_path: Path, tiny: Model, watching: Callable[..., Daemon]
) -> None:
    first = save(tmp_path / "inbox" / "0.png", 900, 600)
    for number in range(1, 40):
        shutil.copyfile(first, tmp_path / "inbox" / f"{number}.png")
    arguments = ("inbox", "--model", "tiny", "--settle", 0, "--size", "native")

    def outputs() -> list[Path]:
        return sorted((tmp_path / "inbox-tiny").glob("*.png"))

    daemon = watching(*arguments)
    daemon.event(event="image", status="translated")
    code, said = daemon.stop()
    assert code == 0, said
    done = [event["output"] for event in daemon.events if event["event"] == "image"]
    assert sorted(done) == [str(path.relative_to(tmp_path)) for path in outputs()]
    assert len(done) < 40
    assert not list((tmp_path / "inbox-tiny").glob(".*.tmp"))

    daemon = watching(*arguments)
    daemon.event(event="image", status="translated")
    daemon.process.send_signal(signal.SIGTERM)
    daemon.wait_for(lambda: "stopping" in daemon.err.read_text())
    started = time.monotonic()
    assert daemon.stop()[0] == 0
    assert time.monotonic() - started < 2
    for path in outputs():
        with Image.open(path) as picture:
            picture.load()  # whole, whatever happened
