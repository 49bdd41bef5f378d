import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from imgtrans.zoo.store import Model
from tests.pictures import noise, save


class Watching:
    """``imgtrans watch`` in a process of its own."""

    def __init__(self, inbox: Path) -> None:
        self.inbox = inbox
        self.output = inbox.parent / f"{inbox.name}-tiny"
        command = [
            sys.executable,
            "-m",
            "imgtrans",
            "watch",
            str(inbox),
            "--model",
            "tiny",
            "--settle",
            "0.5",
            "--json",
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def wait_for(self, name: str, seconds: float = 90.0) -> Path:
        deadline = time.monotonic() + seconds
        while not (self.output / name).exists():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline, f"{name} never came"
            time.sleep(0.05)
        return self.output / name

    def stop(self, number: int) -> tuple[int, str, str]:
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


@pytest.mark.slow
def test_watch_translates_what_is_there_and_what_arrives_and_stops_cleanly(tmp_path: Path, tiny: Model) -> None:
    inbox = tmp_path / "inbox"
    save(inbox / "there.png")
    watching = Watching(inbox)
    watching.wait_for("there.png")
    save(inbox / "later" / "new.png", seed=1)
    watching.wait_for("later/new.png")

    # A file that grows slowly is not touched before it is whole.
    noise(64, 64).save(tmp_path / "whole.png")
    content = (tmp_path / "whole.png").read_bytes()
    with (inbox / "growing.png").open("wb") as file:
        for start in range(0, len(content), len(content) // 6):
            file.write(content[start : start + len(content) // 6])
            file.flush()
            time.sleep(0.2)
            assert not (watching.output / "growing.png").exists()
    watching.wait_for("growing.png")

    code, out, err = watching.stop(signal.SIGINT)
    assert code == 0, err
    assert out.count('"status": "translated"') == 3
    assert '"status": "failed"' not in out
    assert not list(watching.output.glob("**/*.tmp"))

    # Nothing is done twice: the journal is that of ``run``.
    again = Watching(inbox)
    save(inbox / "last.png", seed=2)
    again.wait_for("last.png")
    code, out, err = again.stop(signal.SIGTERM)
    assert code == 0, err
    assert out.count('"status": "translated"') == 1


def test_watching_a_file_or_nothing_is_a_sentence(tmp_path: Path, tiny: Model) -> None:
    path = save(tmp_path / "a.png")
    for inbox, code in ((path, 2), (tmp_path / "nowhere", 4)):
        command = [sys.executable, "-m", "imgtrans", "watch", os.fspath(inbox), "--model", "tiny"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == code
        assert result.stderr.startswith("error: ")
