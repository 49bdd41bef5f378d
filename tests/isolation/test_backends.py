"""Backends with faults: the program says which package did what, and goes on or ends with the right exit code."""

import os
import queue
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from imgtrans.errors import PluginError, PluginHungError
from imgtrans.isolation import session as module
from imgtrans.isolation.blame import Part
from imgtrans.isolation.session import GuardedSession
from imgtrans.opening import open_network
from imgtrans.protocols import Batching, Interrupted, Interruptible
from imgtrans.zoo.store import Model
from tests.conftest import Ended
from tests.isolation.conftest import Install
from tests.pictures import save

Cli = Callable[..., Ended]

# A backend that does something with pictures, which come out as negatives.
BACKEND = """
import numpy as np
import os, sys, time
{first}
class Session:
    def run(self, pictures):
        {run}
class Backend:
    name = {name!r}
    def open(self, network, device, precision):
        {open}
made = Backend()
"""


def source(name: str, run: str = "return 255 - pictures", open: str = "return Session()", first: str = "") -> str:
    return BACKEND.format(name=name, run=run, open=open, first=first)


@pytest.fixture
def photos(tiny_model: Model, tmp_path: Path) -> Path:
    for number, width in enumerate((24, 24, 32)):
        save(tmp_path / "photos" / f"{number}.png", width, 16, seed=number)
    return tmp_path / "photos"


def run(cli: Cli, photos: Path, name: str, *options: object) -> Ended:
    return cli("run", photos, "-m", "tiny", "-o", photos.with_name("out"), "--backend", name, *options)


def test_one_without_faults_translates(cli: Cli, install: Install, photos: Path):
    install("backends", "good", source("good"))
    ended = run(cli, photos, "good")
    assert (ended.code, ended.out) == (0, f"{photos.with_name('out')}\n")


@pytest.mark.parametrize(
    ("first", "said"),
    [
        ("import a_library_that_nobody_has", "No module named 'a_library_that_nobody_has'"),
        ("raise SystemExit('go away')", "SystemExit: go away"),
        ("made = 1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_one_that_cannot_be_imported_is_exit_code_5_and_does_not_stop_the_others(
    first: str, said: str, cli: Cli, install: Install, photos: Path, aloud: None
):
    install("backends", "bad", source("bad", first=first))
    ended = run(cli, photos, "bad")
    assert ended.code == 5
    assert re.search(f"warning: plugin imgtrans-bad is left out: .*{said}", ended.err)
    assert "there is no 'bad' among the backends" in ended.err
    assert run(cli, photos, "eager").code == 0
    assert run(cli, photos, "auto", "--force").code == 0


@pytest.mark.parametrize(
    ("open", "said"),
    [
        ("return 1 / 0", "the backend 'bad' of the package imgtrans-bad failed: ZeroDivisionError: division by zero"),
        ("sys.exit(3)", "the backend 'bad' of the package imgtrans-bad failed: SystemExit: 3"),
        ("return None", "the backend 'bad' of the package imgtrans-bad opens NoneType and no session"),
    ],
)
def test_one_that_cannot_open_a_network_is_exit_code_5(open: str, said: str, cli: Cli, install: Install, photos: Path):
    install("backends", "bad", source("bad", open=open))
    ended = run(cli, photos, "bad")
    assert ended.code == 5
    assert f"error: {said}\n  update imgtrans-bad, uninstall it, or do without it\n" in ended.err
    assert not photos.with_name("out").exists()


@pytest.mark.parametrize(
    ("does", "said"),
    [
        ("return pictures[:, :-1]", "made 1x15x32x3 numbers of type uint8 of 1x16x32x3 numbers of type uint8"),
        ("return pictures[:-1]", "made 0x16x32x3 numbers of type uint8 of 1x16x32x3 numbers of type uint8"),
        ("return pictures * np.nan", "made 1x16x32x3 numbers of type float64 of 1x16x32x3 numbers of type uint8"),
        ("return list(pictures)", "made list of 1x16x32x3 numbers of type uint8"),
        ("return None", "made NoneType of 1x16x32x3 numbers of type uint8"),
        ("raise KeyError('no such layer')", "failed: KeyError: 'no such layer'"),
        ("raise SystemExit(7)", "failed: SystemExit: 7"),
    ],
)
def test_one_that_answers_nonsense_fails_those_pictures_alone(
    does: str, said: str, cli: Cli, install: Install, photos: Path
):
    install("backends", "bad", source("bad", run=f"if pictures.shape[2] == 24: return 255 - pictures\n        {does}"))
    ended = run(cli, photos, "bad")
    assert ended.code == 1
    assert f"2.png could not be translated: the backend 'bad' of the package imgtrans-bad {said}" in ended.err
    assert sorted(path.name for path in photos.with_name("out").glob("*.png")) == ["0.png", "1.png"]
    assert run(cli, photos, "eager").code == 0  # what has failed is done by another; the rest is outdated by nothing
    assert sorted(path.name for path in photos.with_name("out").glob("*.png")) == ["0.png", "1.png", "2.png"]


def test_what_one_prints_is_no_result(install: Install, photos: Path):
    """By Python's and by the system's standard output, when it is imported, opened, and run."""
    noise = "print('chatter'); os.write(1, b'noise\\n')"
    text = source("loud", run=f"{noise}; return 255 - pictures", open=f"{noise}; return Session()", first=noise)
    install("backends", "loud", text)
    command = [sys.executable, "-m", "imgtrans", "run", photos / "0.png", "-m", "tiny", "-o", "-", "--backend", "loud"]
    ended = subprocess.run(command, capture_output=True, check=False, timeout=120)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith(b"\x89PNG") and ended.stdout.endswith(b"IEND\xaeB`\x82")
    assert ended.stderr.count(b"chatter") == ended.stderr.count(b"noise") >= 3
    listed = subprocess.run(
        [sys.executable, "-m", "imgtrans", "plugins", "--check", "--json"],
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert all(line.startswith(b"{") for line in listed.stdout.splitlines())
    assert listed.stdout.count(b'"works"') >= 5


def test_standard_output_is_given_back(cli: Cli, install: Install, photos: Path):
    install("backends", "good", source("good"))
    before = sys.stdout
    assert run(cli, photos, "good", "--json").out.count('"translated"') >= 3
    assert sys.stdout is before


def test_one_that_hangs_is_said_to_and_then_given_up_with_exit_code_5(
    cli: Cli, install: Install, photos: Path, monkeypatch: pytest.MonkeyPatch, aloud: None
):
    monkeypatch.setattr(module, "SAID_SECONDS", 0.2)
    monkeypatch.setattr(module, "GIVEN_UP_SECONDS", 0.5)
    install("backends", "slow", source("slow", run="time.sleep(1000)"))
    ended = run(cli, photos, "slow")
    said = "the backend 'slow' of the package imgtrans-slow has not answered for"
    assert f"warning: {said} 0.2 seconds, and is waited for" in ended.err
    assert ended.code == 5
    assert f"error: {said}" in ended.err
    assert not [*photos.with_name("out").glob("*.png")]
    assert run(cli, photos, "eager").code == 0


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_one_that_hangs_does_not_keep_ctrl_c_from_ending_the_run(install: Install, photos: Path, tmp_path: Path):
    hang = f"open({str(tmp_path / 'hangs')!r}, 'w').close(); time.sleep(1000)"
    install("backends", "slow", source("slow", run=hang))
    os.mkfifo(tmp_path / "hangs")
    command = [sys.executable, "-m", "imgtrans", "run", photos, "-m", "tiny", "--backend", "slow"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    with (tmp_path / "hangs").open():  # until it hangs
        process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped" in said and "Traceback" not in said


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_one_that_crashes_the_process_is_named_and_the_next_run_does_the_rest(cli: Cli, install: Install, photos: Path):
    crash = "if pictures.shape[2] == 24: return 255 - pictures\n        import ctypes; ctypes.string_at(0)"
    install("backends", "crash", source("crash", run=crash))
    command = [sys.executable, "-m", "imgtrans", "run", photos, "-m", "tiny", "--backend", "crash"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert ended.returncode == -signal.SIGSEGV
    assert "Fatal Python error: Segmentation fault" in ended.stderr and "imgtrans_crash.py" in ended.stderr
    assert cli("run", photos, "-m", "tiny", "--backend", "eager").code == 0
    assert sorted(path.name for path in photos.with_name("photos-tiny").glob("*.png")) == ["0.png", "1.png", "2.png"]


# The guard itself


class Session:
    """A session that has all that one can have."""

    reason = "it is slow"

    def __init__(self) -> None:
        self.told: list[object] = []

    def run(self, pictures: np.ndarray) -> np.ndarray:
        return 255 - pictures

    def expect(self, pictures: int, pixels: int) -> None:
        self.told.append((pictures, pixels))

    def interrupt(self) -> None:
        self.told.append("interrupted")


PART = Part("imgtrans.backends", "fast", "imgtrans-fast")
PICTURES = np.zeros((1, 4, 4, 3), np.uint8)


def test_what_a_session_may_be_besides_shows_through():
    inner = Session()
    guarded = GuardedSession(inner, PART)
    assert isinstance(guarded, Batching) and isinstance(guarded, Interruptible)
    assert guarded.reason == "it is slow"
    guarded.expect(3, 100)
    assert guarded.run(PICTURES).max() == 255
    guarded.interrupt()
    assert inner.told == [(3, 100), "interrupted"]
    with pytest.raises(Interrupted):
        guarded.run(PICTURES)

    class Plain:
        def run(self, pictures: np.ndarray) -> np.ndarray:
            return pictures

    assert not isinstance(GuardedSession(Plain(), PART), Batching)


def test_too_little_memory_is_no_fault():
    class Full(Session):
        def run(self, pictures: np.ndarray) -> np.ndarray:
            raise MemoryError("full")

    with pytest.raises(MemoryError, match="full"):
        GuardedSession(Full(), PART).run(PICTURES)


def test_a_hung_session_is_never_waited_for_again(monkeypatch: pytest.MonkeyPatch):
    import threading

    monkeypatch.setattr(module, "SAID_SECONDS", 60.0)
    monkeypatch.setattr(module, "GIVEN_UP_SECONDS", 0.05)
    never = threading.Event()

    class Hung(Session):
        def run(self, pictures: np.ndarray) -> np.ndarray:
            never.wait(60)
            return pictures

    guarded = GuardedSession(Hung(), PART)
    with pytest.raises(PluginHungError, match="has not answered"):
        guarded.run(PICTURES)
    with pytest.raises(Interrupted):
        guarded.run(PICTURES)
    never.set()


def test_who_was_interrupted_does_not_get_the_answer_to_what_came_before():
    class Negative(Session):
        def run(self, pictures: np.ndarray) -> np.ndarray:
            return 255 - pictures

    guarded = GuardedSession(Negative(), PART)
    answers = guarded._answers.get
    guarded._awaited = lambda seconds: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        guarded.run(PICTURES)
    del guarded._awaited
    assert guarded.run(PICTURES + np.uint8(5)).max() == 250
    with pytest.raises(queue.Empty):
        answers(timeout=0)


def test_its_thread_ends_with_it():
    import threading

    before = threading.enumerate()
    guarded = GuardedSession(Session(), PART)
    guarded.run(PICTURES)
    (thread,) = [one for one in threading.enumerate() if one not in before]
    del guarded
    thread.join(60)
    assert not thread.is_alive()


def test_imgtranss_own_sessions_are_not_guarded(tiny_network: nn.Module):
    opened = open_network("eager", tiny_network, torch.device("cpu"), torch.float32)
    assert not isinstance(opened.session, GuardedSession)
    assert issubclass(PluginHungError, PluginError) and PluginError.exit_code == 5
