"""What stands in a watched folder's way: rights, disks that are read-only, other processes, bursts, and odd folders."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from imgtrans.zoo.store import Model
from tests.conftest import Ended
from tests.pictures import save
from tests.watching.daemon import Daemon

Cli = Callable[..., Ended]
Watching = Callable[..., Daemon]

OPTIONS = ("--model", "tiny", "--device", "cpu", "--settle", 0.2)


@pytest.fixture
def watching() -> Iterator[Callable[..., Daemon]]:
    """Start daemons and wait until they watch; none outlives the test."""
    started: list[Daemon] = []

    def start(
        place: Path, *arguments: object, out: str = "out", python: Sequence[str] = (sys.executable,), **settings: str
    ) -> Daemon:
        daemon = Daemon(place, "inbox", "-o", out, *OPTIONS, *arguments, python=python, **settings)
        started.append(daemon)
        daemon.wait_for(lambda: "watching inbox" in daemon.err.read_text(), "the start")
        return daemon

    yield start
    for daemon in started:
        daemon.process.kill()
        daemon.process.wait()


def test_folders_that_would_feed_themselves_and_what_is_no_folder_are_refused(
    cli: Cli, tmp_path: Path, tiny: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inbox").mkdir()
    inside = cli("watch", "inbox", "-o", "inbox/out", *OPTIONS)
    assert (inside.code, "inbox" in inside.err) == (4, True)
    dash = cli("watch", "inbox", "-o", "-", *OPTIONS)
    assert (dash.code, "- is none" in dash.err) == (2, True)
    save(tmp_path / "a.png")
    for inbox, code in (("a.png", 2), ("nowhere", 4)):
        ended = cli("watch", inbox, *OPTIONS)
        assert (ended.code, ended.err.startswith("error: ")) == (code, True)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.png", "inbox"]


@pytest.mark.slow
def test_who_comes_second_to_an_output_is_told_and_the_first_goes_on(
    cli: Cli, tmp_path: Path, tiny: Model, watching: Watching
) -> None:
    (tmp_path / "inbox").mkdir()
    save(tmp_path / "other" / "a.png")
    daemon = watching(tmp_path)
    for command in ("watch", "run"):
        second = cli(command, tmp_path / "other", "-o", tmp_path / "out", "--model", "tiny", "--device", "cpu")
        assert (second.code, "is in use by another run" in second.err) == (4, True)
    save(tmp_path / "inbox" / "b.png")
    daemon.event(event="image", status="translated")
    assert daemon.stop()[0] == 0


@pytest.mark.slow
def test_one_that_comes_in_the_middle_of_a_burst_does_not_wait_for_its_end(
    tmp_path: Path, tiny: Model, watching: Watching
) -> None:
    (tmp_path / "inbox").mkdir()
    daemon = watching(tmp_path, "--batch-size", 1)
    burst = 600
    first = save(tmp_path / "burst" / "0.png", 160, 120)
    for number in range(1, burst):
        shutil.copy(first, tmp_path / "burst" / f"{number}.png")
    (tmp_path / "burst").rename(tmp_path / "inbox" / "burst")
    daemon.event(10, event="image", status="translated")
    save(tmp_path / "inbox" / "single.png")
    daemon.event(burst + 1, event="image", status="translated")
    done = [event["input"] for event in daemon.events if event.get("status") == "translated"]
    assert len(done) - done.index("inbox/single.png") > burst // 10
    assert daemon.stop()[0] == 0


@pytest.mark.slow
def test_stopped_and_gone_on_with_it_does_what_came_meanwhile(tmp_path: Path, tiny: Model, watching: Watching) -> None:
    (tmp_path / "inbox").mkdir()
    daemon = watching(tmp_path)
    daemon.process.send_signal(signal.SIGSTOP)
    save(tmp_path / "inbox" / "a.png")
    daemon.process.send_signal(signal.SIGCONT)
    daemon.event(event="image", status="translated")

    # Killed, it has done by the next start what was to be done, and nothing twice.
    daemon.process.kill()
    daemon.process.wait()
    save(tmp_path / "inbox" / "b.png", seed=1)
    again = watching(tmp_path)
    assert again.event(event="image", status="translated")["input"] == "inbox/b.png"
    assert again.event(event="image", status="skipped")["input"] == "inbox/a.png"
    assert again.stop(signal.SIGINT)[0] == 0


@pytest.mark.slow
def test_an_inbox_among_its_outputs_is_not_written_to(tmp_path: Path, tiny: Model, watching: Watching) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    daemon = watching(tmp_path, out=".")
    save(inbox / "a.png")
    daemon.event(event="image", status="translated")
    save(inbox / "inbox" / "b.png")  # whose output would be inbox/b.png
    error = daemon.event(event="image", status="failed")["error"]
    assert "which is an input; imgtrans never writes into its inputs" in error
    assert daemon.stop()[0] == 0
    assert (tmp_path / "a.png").is_file()
    assert sorted(path.name for path in inbox.rglob("*")) == ["a.png", "b.png", "inbox"]


@pytest.mark.slow
def test_what_may_not_be_read_or_written_is_done_once_it_may(tmp_path: Path, tiny: Model, watching: Watching) -> None:
    rights = "-dac_override,-dac_read_search"  # root's, to read and write all
    python = ("setpriv", f"--inh-caps={rights}", f"--bounding-set={rights}", sys.executable)
    if os.getuid():
        python = (sys.executable,)
    elif not shutil.which("setpriv") or subprocess.run([*python, "-c", ""], check=False).returncode:
        pytest.skip("root cannot be without its rights here")
    inbox, out = tmp_path / "inbox", tmp_path / "out"
    save(inbox / "a.png").chmod(0)
    daemon = watching(tmp_path, "--polling", "on", python=python)
    daemon.event(event="image", status="failed")
    (inbox / "a.png").chmod(0o644)
    daemon.event(event="image", status="translated")

    out.chmod(0o555)
    save(inbox / "b.png", seed=1).chmod(0o644)
    daemon.wait_for(lambda: "; waiting" in daemon.err.read_text(), "the sentence")
    time.sleep(3)
    out.chmod(0o755)
    daemon.event(2, event="image", status="translated")
    code, said = daemon.stop()
    assert code == 0
    assert said.count("; waiting") == 1, said
    assert [event["status"] for event in daemon.events if event["event"] == "image"] == ["failed", *["translated"] * 2]
