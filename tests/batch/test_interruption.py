"""What a kill -9 leaves behind: whole outputs or none, and a next run that goes on; scripts/soak does more of it."""

import os
import sys
from pathlib import Path

import pytest

import imgtrans.__main__ as program
from imgtrans.zoo.store import Model
from tests.batch.killing import Killing
from tests.pictures import save

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="runs are forked off, as to import torch takes seconds"),
]
# Batches of one: how pictures fall into batches depends on the moment, and changes a last bit now and then.
OPTIONS = ("--model", "tiny", "--device", "cpu", "--batch-size", "1", "-q")


def fork(photos: Path, out: Path) -> int:
    """Start a run in a copy of this process, which has torch already."""
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        os.setsid()
        silence = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(silence, descriptor)
        sys.argv = ["imgtrans", "run", str(photos), "-o", str(out), *OPTIONS]
        sys.modules["__main__"] = program  # what a worker imports first; pytest would take it long
        program.main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 70
    finally:
        os._exit(code)


@pytest.fixture
def photos(tmp_path: Path, tiny: Model) -> Path:
    """A tree of pictures that takes a little while."""
    for number in range(24):
        save(tmp_path / "photos" / f"{number % 3}" / f"{number}.png", 96, 64, seed=number)
    return tmp_path / "photos"


def test_killed_at_any_moment_nothing_is_half_and_the_next_run_goes_on(photos: Path, tmp_path: Path) -> None:
    killing = Killing(photos, tmp_path / "out", fork)
    killing.warm_up()
    while killing.kills < 20:
        killing.kill_once()
    killing.complete()
