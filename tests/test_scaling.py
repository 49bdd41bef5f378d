"""The sums of docs/scaling.md are those of the script, and the slowest stage decides."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.scaling import KINDS, Asked, worked_out

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "scaling.md"
TEXT = PAGE.read_text(encoding="utf-8") if PAGE.is_file() else ""
SHOWN = re.findall(r"```\n\$ python (benchmarks/scaling\.py[^\n]*)\n(.*?)```", TEXT, re.DOTALL)
RATES = KINDS["h100-64"]


@pytest.mark.skipif(not TEXT, reason="needs the checkout")
@pytest.mark.parametrize(("command", "output"), SHOWN)
def test_the_page_shows_what_the_script_prints(command: str, output: str) -> None:
    done = subprocess.run([sys.executable, *command.split()], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == output


@pytest.mark.skipif(not TEXT, reason="needs the checkout")
def test_the_page_shows_four_answers() -> None:
    assert len(SHOWN) == 4


def test_the_slowest_stage_decides_and_twice_the_pictures_take_twice_as_long() -> None:
    asked = Asked(1e9, gpus=8)
    answer = worked_out(asked, RATES)
    assert answer.slowest == "model"
    assert answer.seconds == RATES.start + 1e9 / (8 * RATES.model)
    twice = worked_out(replace(asked, pictures=2e9), RATES)
    assert twice.seconds - RATES.start == 2 * (answer.seconds - RATES.start)
    assert worked_out(replace(asked, prefixes=1), RATES).slowest == "store"
    assert worked_out(replace(asked, commands=1), RATES).slowest == "commands"


def test_files_cost_no_requests_and_objects_at_least_two_each() -> None:
    files = worked_out(Asked(1e9, gpus=8), RATES)
    objects = worked_out(Asked(1e9, gpus=8, prefixes=100), RATES)
    assert (files.reads, files.writes, files.money["requests"]) == (0, 0, 0)
    assert objects.reads == 1e9
    assert objects.writes == pytest.approx(1e9 * (1 + objects.commands / 1000))
    assert files.money["GPUs"] == 8 * files.seconds / 3600 * RATES.gpu_hour
