"""The commands of README.md, as they stand, in the order in which they stand there."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from imgtrans.zoo.store import find
from tests.pictures import save

README = Path(__file__).parent.parent / "README.md"
COMMANDS = [
    line.split("  # ")[0].strip()
    for line in (README.read_text(encoding="utf-8").splitlines() if README.is_file() else [])
    if line.startswith("    imgtrans ")
]
ENDLESS = {"imgtrans watch inbox/": 0, "imgtrans train --data ./dataset": 130}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with all that the commands name, and ``imgtrans`` on its path."""
    return furnished(tmp_path_factory.mktemp("readme"))


def furnished(folder: Path) -> Path:
    """Return a folder in which there now is all that commands of documents name, and ``imgtrans`` to call."""
    for name in ("photos/1.jpg", "photos/2.png", "inbox/3.jpg", "a/4.jpg", "b/5.jpg", "a.jpg"):
        save(folder / name, 48, 32)
    for data in ("dataset", "day2night"):
        for number, domain in enumerate(("trainA", "trainB")):
            save(folder / data / domain / "x.jpg", 64, 64, seed=number)
            save(folder / data / domain / "y.jpg", 64, 64, seed=number + 2)
    for name in ("my.pth", "G_AB.pth"):  # what a file is is told by its content
        shutil.copyfile(find("summer2winter").weights, folder / name)
    (folder / "stamp").touch()
    os.utime(folder / "stamp", (0, 0))
    (folder / "bin").mkdir()
    program = folder / "bin" / "imgtrans"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m imgtrans "$@"\n')
    program.chmod(0o755)
    return folder


def environment(place: Path) -> dict[str, str]:
    """What a stranger's shell has; nothing is reached from it."""
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9")
    return {
        **os.environ,
        **nowhere,
        "PATH": f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(README.parent),
        "IMGTRANS_HOME": str(place / "home"),
        "BROWSER": "true",
        "IMGTRANS_TRAIN_NGF": "4",
        "IMGTRANS_TRAIN_CROP": "32",
        "IMGTRANS_TRAIN_BLOCKS": "1",
    }


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.skipif(not COMMANDS or os.name == "nt", reason="needs README.md, and a shell")
def test_every_command_of_the_readme_does_what_it_says(place: Path) -> None:
    assert len(COMMANDS) >= 8
    for command in COMMANDS:
        if command in ENDLESS:
            ended = stopped(place, command)
            assert ended[0] == ENDLESS[command], (command, ended)
            continue
        done = subprocess.run(
            command, check=False, shell=True, cwd=place, env=environment(place), capture_output=True, text=True
        )
        assert done.returncode == 0, (command, done.stderr)
        assert "Traceback" not in done.stderr, command
    out = place / "photos-summer2winter"
    for made in (out / "1.jpg", out / "2.png", out / "index.html", place / "compare.png", place / "compare.html"):
        assert made.is_file(), made
    assert (place / "inbox-summer2winter" / "3.jpg").is_file()
    models = subprocess.run(
        ["imgtrans", "models", "list", "--json"], cwd=place, env=environment(place), capture_output=True, check=True
    )
    names = [json.loads(line)["name"] for line in models.stdout.splitlines()]
    assert names == ["summer2winter", "winter2summer", "horse2zebra"]


def stopped(place: Path, command: str) -> tuple[int, str]:
    """Start what does not end by itself, stop it once it is at work, and return how it ended and what it said."""
    process = subprocess.Popen(
        ["/bin/sh", "-c", f"exec {command}"],
        cwd=place,
        env=environment(place),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    told: list[str] = []
    assert process.stdout
    for line in process.stdout:
        told.append(line)
        if line.startswith("training ") or " watching " in line:
            break
    deadline = time.monotonic() + 60
    while not at_work(place, command) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=120)
    return process.returncode, "".join(told) + rest


def at_work(place: Path, command: str) -> bool:
    """Whether there is something that a signal must not lose."""
    if "watch" in command:
        return (place / "inbox-summer2winter" / "3.jpg").exists()
    losses = place / "runs" / command.split("/")[1].split(maxsplit=1)[0] / "losses.csv"
    return losses.exists() and len(losses.read_text().splitlines()) > 1
