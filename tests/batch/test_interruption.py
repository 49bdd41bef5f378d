"""What a kill -9 leaves behind: whole outputs or none, and a next run that goes on."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgtrans.zoo.store import Model
from tests.pictures import save

PICTURES = 30


# Batches of one: how pictures fall into batches depends on the moment, and changes a last bit now and then.
def start(folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "imgtrans", "run", str(folder), "--model", "tiny", "--batch-size", "1", "-q"]
    return subprocess.Popen(command, start_new_session=True)


@pytest.mark.slow
def test_killed_at_any_moment_nothing_is_half_and_the_next_run_goes_on(tmp_path: Path, tiny: Model) -> None:
    folder, output = tmp_path / "photos", tmp_path / "photos-tiny"
    for number in range(PICTURES):
        save(folder / f"{number % 3}" / f"{number}.png", 64, 48, seed=number)
    inputs = {path: path.read_bytes() for path in folder.rglob("*.png")}
    draw = random.Random(0)
    finished: dict[Path, int] = {}
    kills = 0
    while kills < 4:
        process = start(folder)
        seen = len(list(output.rglob("*.png")))
        deadline = time.monotonic() + 120
        while process.poll() is None and len(list(output.rglob("*.png"))) <= min(
            seen + draw.randrange(3), PICTURES - 2
        ):
            assert time.monotonic() < deadline
            time.sleep(0.002)
        if process.poll() is not None:
            break
        time.sleep(draw.random() * 0.02)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        kills += 1
        for path in output.rglob("*.png"):
            with Image.open(path) as image:
                image.load()  # never half a picture
            if path in finished:  # and what was done is not done again
                assert path.stat().st_mtime_ns == finished[path]
            finished[path] = path.stat().st_mtime_ns
        assert {path: path.read_bytes() for path in inputs} == inputs
    assert kills >= 2
    process = start(folder)
    assert process.wait(timeout=300) == 0
    assert len(list(output.rglob("*.png"))) == PICTURES
    assert not list(output.rglob("*.tmp"))
    for path, mtime in finished.items():
        assert path.stat().st_mtime_ns == mtime
    expected = tmp_path / "expected"
    subprocess.run(
        [sys.executable, "-m", "imgtrans", "run", str(folder), "-m", "tiny", "-o", str(expected), "--batch-size", "1"],
        check=True,
    )
    for path in expected.rglob("*.png"):
        with Image.open(path) as a, Image.open(output / path.relative_to(expected)) as b:
            assert np.array_equal(np.asarray(a), np.asarray(b))
