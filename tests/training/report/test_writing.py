"""The report is there from the first moment, is written anew now and then, and says at last how it ended."""

import json
from pathlib import Path
from typing import Any

import pytest

from imgtrans.files import is_temporary
from imgtrans.training.guards.notes import ENDED, Note, add_note
from imgtrans.training.guards.trouble import Trouble
from imgtrans.training.listening import Interval, StepLosses
from imgtrans.training.report.page import Table
from imgtrans.training.report.writing import REPORT, ReportWriter


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def interval(first: int, last: int) -> Interval:
    losses = {"G": 2.0, "D_A": 0.25}
    rows = tuple(StepLosses(step, losses, 2e-4) for step in range(first, last + 1))
    return Interval(rows, 1000, 0.5)


def content(folder: Path) -> dict[str, Any]:
    text = (folder / REPORT).read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text.split('id="data">')[1].split("</script>")[0])
    return data


def steps(folder: Path) -> int:
    lines = [line for chart in content(folder)["charts"] for line in chart["lines"] if line["name"] == "G"]
    return int(lines[0]["points"][-1][0]) if lines else 0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def writer(folder: Path, clock: Clock) -> ReportWriter:
    return ReportWriter(folder, "a2b and b2a", 0, 1000, [Table("Settings", [("ngf", "64")])], clock)


def test_it_is_there_at_once_and_written_anew_only_now_and_then(folder: Path, writer: ReportWriter, clock: Clock):
    assert content(folder)["state"] == "running"
    writer.interval(interval(1, 10))
    assert steps(folder) == 0  # too soon
    clock.now += 15
    writer.interval(interval(11, 20))
    assert steps(folder) == 20
    assert not any(is_temporary(path.name) for path in folder.iterdir())


def test_a_page_that_takes_long_to_write_is_written_less_often(
    folder: Path, writer: ReportWriter, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    from imgtrans.training.report import writing

    render = writing.render

    def slowly(page: Any) -> str:
        clock.now += 2
        return render(page)

    monkeypatch.setattr(writing, "render", slowly)
    clock.now += 15
    writer.interval(interval(1, 10))
    clock.now += 199
    writer.interval(interval(11, 20))
    assert steps(folder) == 10
    clock.now += 1
    writer.interval(interval(21, 30))
    assert steps(folder) == 30


@pytest.mark.parametrize(("last", "state"), [(1000, "complete"), (10, "stopped")])
def test_at_its_end_it_says_how_that_was(folder: Path, writer: ReportWriter, last: int, state: str):
    writer.interval(interval(last, last))
    writer.ended()
    assert content(folder)["state"] == state
    assert f"step {last:,} of 1,000" in (folder / REPORT).read_text(encoding="utf-8")


def test_trouble_is_told_with_what_was_done_or_can_be_done(folder: Path, writer: ReportWriter):
    add_note(folder, Note(Trouble("spike", 3, "a jump"), "back to step 0"))
    add_note(folder, Note(Trouble("collapsed", 5, "all alike")))
    add_note(folder, Note(Trouble("inverted", 7, "turned over"), ENDED))
    writer.interval(interval(1, 10))
    writer.ended()
    text = (folder / REPORT).read_text(encoding="utf-8")
    assert content(folder)["state"] == "failed"
    for said in ("a jump", "back to step 0", "all alike", "raise --cycle-weight", "turned over", ENDED):
        assert said in text


def test_a_run_that_goes_on_shows_what_was_before_and_no_more(folder: Path):
    rows = [f"{step},{step}.5,0.0002" for step in range(1, 31)]
    (folder / "losses.csv").write_text("\n".join(["step,G,learning_rate", *rows]))
    for step in (10, 20, 30):
        (folder / "grids").mkdir(exist_ok=True)
        (folder / "grids" / f"step-{step:07d}.png").touch()
    ReportWriter(folder, "a2b", 20, 1000, [])
    assert steps(folder) == 20
    assert content(folder)["grids"] == [[10, "grids/step-0000010.png"], [20, "grids/step-0000020.png"]]


def test_a_disk_that_is_full_at_the_end_is_no_second_error(folder: Path, writer: ReportWriter):
    writer.interval(interval(1, 10))
    (folder / REPORT).unlink()
    (folder / REPORT).mkdir()  # which nothing can replace
    (folder / REPORT / "x").touch()
    writer.ended()
