"""Half a minute of what happens to a watched folder in a year; ``scripts/soak watch`` does an hour of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals and mounts are POSIX's")
def test_whatever_happens_every_picture_that_is_left_has_its_output() -> None:
    command = [sys.executable, "-m", "tests.watching.soaking", "0.3", "5"]
    root = Path(__file__).parents[2]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=280)
    assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-3000:]
