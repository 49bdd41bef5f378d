"""Worker processes are started by a command of their own: the program that uses imgtrans is not run in them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pictures import save

# A user's script without ``if __name__ == "__main__"``; what it says is counted.
SCRIPT = """
import sys
print("the script runs")
from pathlib import Path
from imgtrans.executors.worker import Worker
from imgtrans.protocols import Item, Job
path = Path({picture!r})
status = path.stat()
item = Item(path, path, b"a", b"a", "PNG", status.st_size, status.st_mtime_ns)
worker = Worker(Job(None, 4, 8, 10**6, 10**6))
print(worker.measure(item).pixels)
{end}
"""


def ran(way: str, text: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run a script as a file, from standard input, or as a notebook does: with an event loop, and no file."""
    (folder / "script.py").write_text(text)
    cell = f"import asyncio\nasync def cell(): exec({text!r}, globals())\nasyncio.run(cell())"
    command = {"file": ["script.py"], "input": ["-"], "notebook": ["-c", cell]}[way]
    return subprocess.run(
        [sys.executable, *command], cwd=folder, input=text, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize("way", ["file", "input", "notebook"])
def test_a_script_without_a_guard_is_run_once_however_it_is_run(way: str, tmp_path: Path) -> None:
    text = SCRIPT.format(picture=str(save(tmp_path / "a.png", 21, 13)), end="worker.close()")
    ended = ran(way, text, tmp_path)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("the script runs\n273\n", "", 0)


@pytest.mark.skipif(os.name == "nt", reason="reads /proc")
@pytest.mark.parametrize("ending", ["", "import os; os._exit(0)", "import signal; signal.raise_signal(signal.SIGKILL)"])
def test_who_does_not_close_a_worker_leaves_no_process(ending: str, tmp_path: Path) -> None:
    end = f"print(worker._process.pid, flush=True)\n{ending}"
    ended = ran("file", SCRIPT.format(picture=str(save(tmp_path / "a.png")), end=end), tmp_path)
    pid = int(ended.stdout.split()[-1])
    waited = subprocess.run(["tail", f"--pid={pid}", "-f", "/dev/null"], check=False, timeout=60)  # until it has gone
    assert waited.returncode == 0


def test_a_folder_with_modules_of_the_same_names_is_not_looked_into(tmp_path: Path) -> None:
    """Pictures may lie beside anything."""
    (tmp_path / "here").mkdir()
    for name in ("numpy", "signal", "imgtrans"):
        (tmp_path / "here" / f"{name}.py").write_text("raise SystemExit('a stranger was imported')")
    text = SCRIPT.format(picture=str(save(tmp_path / "a.png", 21, 13)), end="worker.close()")
    (tmp_path / "script.py").write_text("import os\nos.chdir('here')\n" + text)
    ended = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert (ended.stdout, ended.stderr) == ("the script runs\n273\n", "")


def test_a_worker_has_no_standard_output_of_its_own(tmp_path: Path) -> None:
    """What a library prints there is no result of the program's."""
    (tmp_path / "talking.py").write_text(
        "import imgtrans.executors.serving as s\n"
        "def serve(handle):\n    s.Desk = lambda job: print('chatter', flush=True) or exit()\n    s.serve(handle)\n"
    )
    script = f"""
import sys
from imgtrans.executors import process
from imgtrans.executors.channel import Channel
sys.path.append({str(tmp_path)!r})
made, connection = process.start("talking", "serve")
Channel(connection).send((None, 0))
made.wait()
process.end(made)
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    assert (ended.stdout, ended.stderr) == ("", "chatter\n")
