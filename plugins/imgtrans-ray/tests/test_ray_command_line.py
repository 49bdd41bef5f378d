"""Runs as a user types them: Ray is started for each, and gone afterwards."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

PICTURES, SLOW_PICTURES = 24, 12
SLOW = ("--size", "native", "--backend", "eager", "--batch-size", "1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pictures of several kinds, one of them broken, beside what the local executor makes of them."""
    made = tmp_path_factory.mktemp("ray")
    (made / "in").mkdir()
    for number in range(PICTURES):
        pixels = np.random.default_rng(number).integers(0, 256, (40 + 8 * (number % 3), 48, 3), np.uint8)
        suffix = ("png", "jpg", "webp", "tiff")[number % 4]
        Image.fromarray(pixels).save(made / "in" / f"{number:02}.{suffix}")
    (made / "slow").mkdir()
    for number in range(SLOW_PICTURES):
        pixels = np.random.default_rng(number).integers(0, 256, (400, 400, 3), np.uint8)
        Image.fromarray(pixels).save(made / "slow" / f"{number:02}.png")
    (made / "in" / "broken.png").write_bytes((made / "in" / "00.png").read_bytes()[:100])
    assert ended(imgtrans(made, "run", "in", "-o", "local")).returncode == 1
    return made


def imgtrans(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, "IMGTRANS_HOME": str(folder / "home"), "OMP_NUM_THREADS": "1"}
    environment.pop("IMGTRANS_PLUGINS", None)
    environment.pop("RAY_ADDRESS", None)
    return subprocess.Popen(
        [sys.executable, "-m", "imgtrans", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def ended(process: "subprocess.Popen[str]", seconds: float = 120) -> "subprocess.CompletedProcess[str]":
    out, err = process.communicate(timeout=seconds)
    return subprocess.CompletedProcess([], process.returncode, out, err)


def helpers(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    """Return the processes of Ray that a run has started."""
    return psutil.Process(process.pid).children(recursive=True)


def wait_until_gone(processes: list[psutil.Process], seconds: float = 20) -> list[str]:
    """Wait for processes to end; return the names of those that have not."""
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return [one.name() for one in alive if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def outputs(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def begun(process: "subprocess.Popen[str]", out: Path) -> None:
    """Wait until the first output is there."""
    until = time.monotonic() + 90
    while not (out.is_dir() and outputs(out)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.05)


def test_outputs_are_the_local_ones_byte_for_byte_and_ray_is_gone_afterwards(folder: Path):
    process = imgtrans(folder, "run", "in", "-o", "ray", "--executor", "ray", "--json")
    result = ended(process)
    assert result.returncode == 1, result.stderr  # the broken one has failed, as it does locally
    assert outputs(folder / "ray") == outputs(folder / "local")
    assert len(outputs(folder / "ray")) == PICTURES
    assert "by Ray here, one model" in result.stderr
    events = [json.loads(line) for line in result.stdout.splitlines()]  # nobody else has written there
    assert [event["event"] for event in events].count("image") == PICTURES + 1
    again = ended(imgtrans(folder, "run", "in", "-o", "ray", "--json"))
    told = json.loads(again.stdout.splitlines()[-1])
    assert (told["translated"], told["skipped"], told["failed"]) == (0, PICTURES, 1)  # the journal knows them


def test_ctrl_c_ends_it_with_all_its_processes_and_it_goes_on_another_time(folder: Path):
    process = imgtrans(folder, "run", "slow", "-o", "stopped", "--executor", "ray", *SLOW)
    begun(process, folder / "stopped")
    started = helpers(process)
    assert len(started) > 3
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    result = ended(process, 60)
    assert result.returncode == 130, result.stderr
    assert wait_until_gone(started) == []
    assert not [path for path in (folder / "stopped").iterdir() if path.name.endswith(".tmp")]
    done = len(outputs(folder / "stopped"))
    assert 0 < done < SLOW_PICTURES
    again = ended(imgtrans(folder, "run", "slow", "-o", "stopped", "--json", *SLOW))
    assert again.returncode == 0
    assert json.loads(again.stdout.splitlines()[-1])["translated"] == SLOW_PICTURES - done


def test_a_run_that_is_killed_leaves_no_process_behind(folder: Path):
    process = imgtrans(folder, "run", "slow", "-o", "killed", "--executor", "ray", *SLOW)
    begun(process, folder / "killed")
    started = helpers(process)
    process.kill()
    process.communicate()
    assert wait_until_gone(started, 150) == []  # two of Ray's own ask for a minute whether their head is still there
