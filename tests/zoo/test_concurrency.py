"""Processes that change the zoo at once, or are killed while they do, never leave half a model."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from imgtrans.zoo.store import models, models_folder
from imgtrans.zoo.verify import OK, verify

SCRIPT = Path(__file__).with_name("at_once.py")


def start(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def counted(process: subprocess.Popen[str]) -> Counter[str]:
    """Return what a process of ``at_once.py`` counted; it must have ended well."""
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    return Counter(json.loads(out))


def test_processes_that_change_one_name_at_once_leave_whole_models():
    changing = [start("change", 1.5, seed) for seed in range(4)]
    reading = start("read", 1.5)
    changes = sum((counted(process) for process in changing), Counter[str]())
    seen = counted(reading)
    assert {"install", "there", "back", "remove", "refused"} <= changes.keys()
    assert seen["read"] > 0
    there = [path.name for path in models_folder().iterdir()]
    assert sorted(there) == sorted(model.name for model in models() if not model.bundled)
    assert {*there} <= {"mine", "other"}
    assert all(verify(name).state == OK for name in there)
    # Each model that came in is in there, or was removed.
    assert changes["install"] - changes["remove"] - changes["remove other"] == len(there)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")
def test_a_process_killed_at_any_moment_leaves_whole_models():
    assert counted(start("often", 15))["killed"] == 15


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")
def test_a_change_killed_at_any_point_has_happened_or_has_not():
    points = counted(start("everywhere"))
    assert points["install"] > 8
    assert points["there"] > 2
    assert points["remove"] > 4
