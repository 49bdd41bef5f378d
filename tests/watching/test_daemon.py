"""The daemon, as a sysadmin meets it: a process, signals, files."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from imgtrans.zoo.store import Model
from tests.conftest import Ended
from tests.pictures import save
from tests.watching.daemon import Daemon, until

Cli = Callable[..., Ended]

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="needs signals")]


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    """What systemd listens on, at ``notify``."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(60)
        yield listening


def told(listening: socket.socket, what: str) -> str:
    """Wait until systemd is told something, and return all of that."""
    while True:
        text = listening.recv(4096).decode()
        if what in text:
            return text


def test_sources_go_where_they_are_wanted_and_everybody_is_told(
    tmp_path: Path, tiny: Model, cli: Cli, systemd: socket.socket
) -> None:
    inbox = tmp_path / "inbox"
    save(inbox / "sub" / "a.png")
    whole = save(tmp_path / "whole.png", 64, 64).read_bytes()
    (inbox / "broken.png").write_bytes(whole[: len(whole) // 2])
    (inbox / "broken.png").touch()
    hook = tmp_path / "hook"
    hook.write_text(f'#!/bin/sh\necho "$IMGTRANS_ARCHIVED" >>{tmp_path}/hooked\n')
    hook.chmod(0o755)
    daemon = Daemon(
        tmp_path,
        *("inbox", "--model", "tiny", "--settle", 0.2, "--archive", "done", "--failed", "bad", "--retries", 0),
        *("--on-done", hook, "--metrics", "numbers.prom"),
        NOTIFY_SOCKET=str(tmp_path / "notify"),
        WATCHDOG_USEC="1000000",
    )
    assert "STATUS=idle" in told(systemd, "READY=1")
    done = daemon.event(event="image", status="translated")
    assert done["source"] == str(tmp_path / "done" / "sub" / "a.png")
    failed = daemon.event(event="image", status="failed")
    assert failed["source"] == str(tmp_path / "bad" / "broken.png")
    assert (tmp_path / "bad" / "broken.png.txt").read_text().startswith(failed["error"])
    assert (tmp_path / "inbox-tiny" / "sub" / "a.png").is_file()
    assert [path for path in inbox.rglob("*") if path.is_file()] == []
    told(systemd, "WATCHDOG=1")
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
    assert "STOPPING=1" in told(systemd, "STOPPING")
    assert all(re.match(r"\d{4}-\d\d-\d\dT\S+ (info|warning): ", line) for line in said.splitlines()), said
    numbers = (tmp_path / "numbers.prom").read_text()
    assert f'imgtrans_watch_pictures_total{{inbox="{inbox}",result="translated"}} 2' in numbers
    assert (status().code, "was stopped" in status().err) == (4, True)


def test_a_reload_takes_the_new_configuration_and_loses_nothing(
    tmp_path: Path, tiny: Model, home: Path, systemd: socket.socket
) -> None:
    inbox = tmp_path / "inbox"
    save(inbox / "a.png")
    config = tmp_path / "my.toml"
    config.write_text('[watch]\nmodel = "tiny"\nsettle = 0.2\nidle-unload = 1\n')
    daemon = Daemon(
        tmp_path, "inbox", "-o", "out", before=("--config", "my.toml"), NOTIFY_SOCKET=str(tmp_path / "notify")
    )
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

    config.write_text('[watch]\nmodel = "tiny"\nsettle = 0.1\nsuffix = "-new"\n')
    daemon.process.send_signal(signal.SIGHUP)
    told(systemd, "RELOADING=1")
    told(systemd, "READY=1")
    until(lambda: (tmp_path / "out" / "c-new.png").exists(), "the new configuration")
    assert {path.name for path in (tmp_path / "out").glob("*.png")} >= {"a.png", "b.png", "c.png", "a-new.png"}
    code, said = daemon.stop()
    assert code == 0, said


def test_several_inboxes_share_a_model_and_each_has_its_own_options(tmp_path: Path, tiny: Model) -> None:
    save(tmp_path / "scans" / "a.png")
    save(tmp_path / "camera" / "b.png", seed=1)
    (tmp_path / "camera" / "c.png").write_bytes(b"\x89PNG\r\n\x1a\nno picture")
    (tmp_path / "my.toml").write_text(
        '[watch]\nmodel = "tiny"\nsettle = 0.1\nretries = 0\n'
        '[watch.scans]\ninbox = "scans"\n[watch.camera]\ninbox = "camera"\noutput = "out"\ndelete = true\n'
    )
    daemon = Daemon(tmp_path, "--once", before=("--config", "my.toml"))
    code, said = daemon.ended()
    assert code == 1, said  # one has failed
    assert "[camera] camera/c.png " in said
    assert (tmp_path / "scans-tiny" / "a.png").is_file()
    assert (tmp_path / "out" / "b.png").is_file()
    assert (tmp_path / "scans" / "a.png").is_file()
    assert [path.name for path in (tmp_path / "camera").iterdir()] == ["c.png"]
    assert sum(event["event"] == "loaded" for event in daemon.events) == 1


def test_who_stops_it_at_once_does_not_wait_for_it_to_start(tmp_path: Path, tiny: Model) -> None:
    save(tmp_path / "inbox" / "a.png")
    daemon = Daemon(tmp_path, "inbox", "--model", "tiny")
    time.sleep(0.6)
    started = time.monotonic()
    code, said = daemon.stop()
    assert time.monotonic() - started < 2
    assert code in (0, 143), said  # before the command was understood, a signal is a signal


def test_the_journal_of_systemd_gets_levels(tmp_path: Path, tiny: Model) -> None:
    (tmp_path / "inbox").mkdir()
    read, write = os.pipe()
    status = os.fstat(write)
    process = subprocess.Popen(
        [sys.executable, "-m", "imgtrans", "watch", "inbox", "--model", "tiny", "--once"],
        cwd=tmp_path,
        env={**os.environ, "JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}", "PYTHONPATH": os.getcwd()},
        stderr=write,
    )
    os.close(write)
    with os.fdopen(read) as lines:
        told_first = lines.readline()
        rest = lines.read()
    assert process.wait(60) == 0, rest
    assert told_first.startswith("<6>watching inbox with tiny ")
