"""The way from two folders to a model in docs/training.md, command by command, with networks that take no time."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.test_readme import environment
from tests.test_readme import place as place  # noqa: PLC0414 - a fixture

PAGE = Path(__file__).parent.parent / "docs" / "training.md"
TEXT = PAGE.read_text(encoding="utf-8") if PAGE.is_file() else ""
WAY = TEXT.partition("## From two folders")[2].partition("\n## ")[0]
COMMANDS = [line.strip() for line in WAY.splitlines() if re.match(r"    imgtrans ", line)]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(not COMMANDS, reason="needs docs/training.md")
def test_a_newcomer_follows_the_page_to_a_model_that_translates(place: Path):
    assert len(COMMANDS) == 6
    tiny = {**environment(place), "IMGTRANS_TRAIN_STEPS": "12", "IMGTRANS_TRAIN_DEVICE": "cpu"}
    tiny |= {"IMGTRANS_TRAIN_GRID_EVERY": "5", "IMGTRANS_TRAIN_SAVE_MINUTES": "0"}
    for command in COMMANDS:
        done = subprocess.run(command, check=False, shell=True, cwd=place, env=tiny, capture_output=True, text=True)
        assert done.returncode == 0, (command, done.stderr)
        if "glance" in command:
            assert (place / "runs" / "glance" / "report.html").is_file()
    runs = place / "runs"
    assert len([*(runs / "day2night" / "checkpoints").iterdir()]) == 5
    assert (runs / "day2night" / "good.pt").is_file()
    assert "identity-weight = 0.25" in (runs / "again" / "train.toml").read_text(encoding="utf-8")
    assert (place / "photos-day2night" / "1.jpg").is_file()
