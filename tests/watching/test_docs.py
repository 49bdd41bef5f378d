"""The commands of docs/watch.md, as they stand, in the order in which they stand there."""

import os
import plistlib
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from imgtrans.zoo.store import Model
from tests.pictures import save
from tests.watching.daemon import until

PAGE = Path(__file__).parents[2] / "docs" / "watch.md"
TEXT = PAGE.read_text(encoding="utf-8") if PAGE.is_file() else ""
COMMANDS = [line.strip() for line in TEXT.splitlines() if line.startswith("    imgtrans ")]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not COMMANDS or os.name == "nt", reason="needs docs/watch.md, and a shell"),
]


@pytest.fixture
def shell(tmp_path: Path, tiny: Model, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with all that the commands name, and ``imgtrans`` on its path."""
    for name in ("inbox/1.jpg", "scans/2.jpg", "camera/3.jpg"):
        save(tmp_path / name, 48, 32)
    (told,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    (tmp_path / "watch.toml").write_text(told.replace("/srv/", f"{tmp_path}/"))
    program = tmp_path / "bin" / "imgtrans"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m imgtrans "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(PAGE.parents[1]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def started(command: str, done: Path) -> "subprocess.Popen[str]":
    """Start what does not end by itself, and wait until it has done something."""
    process = subprocess.Popen(["/bin/sh", "-c", f"exec {command}"], stderr=subprocess.PIPE, text=True)
    until(lambda: done.exists() or process.poll() is not None, command)
    assert process.poll() is None, process.communicate()[1]
    return process


def test_every_command_of_the_page_does_what_it_says(shell: Path) -> None:
    assert len(COMMANDS) == 6
    simple, moving, unit, agent, several, status = COMMANDS
    process = started(simple, shell / "inbox-summer2winter" / "1.jpg")
    assert subprocess.run(status, shell=True, check=False).returncode == 0
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert subprocess.run(status, shell=True, check=False).returncode == 4

    for command in (moving, unit, agent):
        done = subprocess.run(command, shell=True, check=False, capture_output=True, text=True)
        assert done.returncode == 0, (command, done.stderr)
    assert (shell / "done" / "1.jpg").is_file()
    assert (shell / "imgtrans-inbox.service").read_text().startswith("# /etc/systemd/system/imgtrans-inbox.service")
    assert plistlib.loads((shell / "org.imgtrans.inbox.plist").read_bytes())["Label"] == "org.imgtrans.inbox"

    process = started(several, shell / "camera-done" / "3.jpg")
    until(lambda: (shell / "scans-winter" / "2.jpg").exists(), several)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
