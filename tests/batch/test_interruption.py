"""What a kill -9 leaves behind: whole outputs or none, and a next run that goes on; scripts/soak does more of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="runs are forked off, as to import torch takes seconds")
def test_killed_at_any_moment_nothing_is_half_and_the_next_run_goes_on() -> None:
    command = [sys.executable, "-m", "tests.batch.soaking", "20", "0"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-1].startswith("killed 20 times, completed ")
