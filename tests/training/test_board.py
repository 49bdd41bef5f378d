"""What a person sees of a training: each loss and its recent way, and how long it will take."""

import pytest

from imgtrans.training.board import Board, sparkline
from imgtrans.training.listening import Interval, StepLosses


def interval(step: int, loss: float) -> Interval:
    return Interval((StepLosses(step - 1, {"G": loss - 1}, 2e-4), StepLosses(step, {"G": loss + 1}, 1e-4)), 100, 0.5)


def test_each_loss_is_shown_with_the_way_it_has_come():
    board = Board(clock=iter([0.0, 65.0]).__next__)
    assert board.rows() == [] and board.facts(str) == {}
    for step, loss in ((10, 8.0), (20, 4.0), (30, 1.0)):
        board.hear(interval(step, loss))
    (row,) = board.rows()
    assert (row.name, row.value, row.way) == ("G", "1", "█▄▁")
    facts = board.facts(lambda seconds: f"{seconds:g} seconds")
    assert (facts["speed"], facts["left"], facts["elapsed"]) == ("0.50 s/step", "35 seconds", "65 seconds")
    assert facts["learning rate"] == "0.0001" and facts["memory"].endswith(" GB") and "last score" not in facts


def test_the_last_score_is_shown_once_there_is_one():
    board = Board()
    board.hear(interval(10, 1.0))
    board.hear_score("KID 0.02")
    assert board.facts(str)["last score"] == "KID 0.02"


def test_the_way_is_the_last_40_means():
    board = Board()
    for step in range(1, 60):
        board.hear(interval(10 * step, float(step)))
    (row,) = board.rows()
    assert len(row.way) == 40


def test_a_terminal_without_such_signs_has_letters():
    board = Board(plain=True)
    board.hear(interval(10, 1.0))
    board.hear(interval(20, 2.0))
    assert board.rows()[0].way.isascii()


@pytest.mark.parametrize(
    ("values", "line"), [([1.0], "▁"), ([2.0, 2.0], "▁▁"), ([0.0, 7.0], "▁█"), ([0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█")]
)
def test_a_sparkline_reaches_from_the_lowest_to_the_highest(values: list[float], line: str):
    assert sparkline(values) == line
