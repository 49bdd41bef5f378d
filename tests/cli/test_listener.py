"""What a run says of how it goes."""

from pathlib import Path

import pytest

from imgtrans.batch.plan import Tally
from imgtrans.cli import listener as module
from imgtrans.cli.listener import RunListener, _Pace
from imgtrans.console import ELAPSED, Console
from imgtrans.protocols import Item, Outcome


def outcome(size: int, pixels: int = 2_000_000, error: str = "") -> Outcome:
    item = Item(Path("a.jpg"), Path("b.jpg"), b"b.jpg", b"a.jpg", "JPEG", size, 0)
    return Outcome(item, None if error else Path("t"), error, pixels, 1.0, 6.0, 3.0)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    times = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: times[0])
    return times


def test_speed_time_left_failures_and_where_the_time_goes_are_in_one_line(now: list[float]) -> None:
    pace = _Pace(Tally(todo=4, size=1000, complete=True))
    now[0] += 10
    pace.add(outcome(100), "translated")
    pace.add(outcome(100, error="broken"), "failed")
    assert pace.parts == [
        "0:40 left", "1 failed", "0.20 pictures/s", ELAPSED, "0.4 MP/s", "decode 10%, model 60%, encode 30%",
    ]  # fmt: skip
    assert (pace.done, pace.total, pace.of) == (2, 4, "4")


def test_there_is_no_time_left_while_pictures_are_still_being_found(now: list[float]) -> None:
    tally = Tally(todo=4, size=1000)
    pace = _Pace(tally)
    now[0] += 10
    pace.add(outcome(100), "translated")
    assert "left" not in " ".join(pace.parts) and pace.of == "4+"
    tally.todo, tally.complete = 9, True
    assert "left" in " ".join(pace.parts) and (pace.total, pace.of) == (9, "9")


def test_once_files_are_counted_those_not_met_are_taken_to_be_like_the_others(now: list[float]) -> None:
    tally = Tally(todo=40, done=50, refused=1, ignored=9, size=4000)
    pace = _Pace(tally)
    pace.files = 1100
    now[0] += 10
    pace.add(outcome(100), "translated")
    assert (pace.total, pace.of) == (440, "~440")
    assert "about 1:13:10 left" in pace.parts
    limited = _Pace(tally, limit=60)
    limited.files = 1100
    assert limited.of == "~60"
    tally.complete = True
    assert pace.of == "40"


def test_a_share_is_told_of_pictures_that_take_long_alone(now: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    listener = RunListener(Console())
    listener._progress = listener.console.progress(3)
    for share in (0.2, 0.9, 1.0, 0.1, 0.6):
        now[0] += 3
        listener.streaming(share)
    assert capsys.readouterr().err.splitlines() == ["0/3  100% of a large picture"]
    now[0] += 9
    listener.streaming(0.7)
    assert capsys.readouterr().err.splitlines() == ["0/3  70% of a large picture"]


def test_how_many_have_been_looked_at_is_said_every_few_seconds(
    now: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    listener = RunListener(Console())
    for _ in range(4):
        listener.looking(Tally(done=123_456, ignored=7))
        now[0] += 2
    assert capsys.readouterr().err.splitlines() == ["looking: 123,456 done before, 7 not to translate"]
