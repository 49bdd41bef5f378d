"""losses.csv holds each step once, whatever happened to the run."""

import csv
from pathlib import Path

import pytest

from imgtrans.training.listening import Interval, StepLosses
from imgtrans.training.log import LossLog
from imgtrans.training.objectives.cyclegan import LOSS_NAMES


def row(step: int, losses: list[float], rate: float = 2e-4) -> Interval:
    return Interval((StepLosses(step, dict(zip(LOSS_NAMES, losses, strict=True)), rate),), 100, 1.0)


def write(path: Path, start: int, end: int) -> None:
    log = LossLog(path, start, LOSS_NAMES)
    for step in range(start + 1, end + 1):
        log.interval(row(step, [step + n / 10 for n in range(6)]))
    log.ended()


def test_the_columns_are_step_losses_and_learning_rate(tmp_path: Path):
    write(tmp_path / "losses.csv", 0, 2)
    with (tmp_path / "losses.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["step", *LOSS_NAMES, "learning_rate"]
    assert rows[1] == ["1", "1", "1.1", "1.2", "1.3", "1.4", "1.5", "0.0002"]
    assert len(rows) == 3


def test_numbers_have_the_digits_that_tell_every_float32_apart(tmp_path: Path):
    log = LossLog(tmp_path / "losses.csv", 0, LOSS_NAMES)
    log.interval(row(1, [1.0, 1.00000011920929, 1e-30, 12345.6787, 0.0, 3.0], 2e-4 * 1 / 3))
    log.ended()
    written = (tmp_path / "losses.csv").read_text().splitlines()[1]
    assert written == "1,1,1.00000012,1e-30,12345.6787,0,3,6.66667e-05"


def test_a_new_run_starts_a_new_file(tmp_path: Path):
    write(tmp_path / "losses.csv", 0, 9)
    write(tmp_path / "losses.csv", 0, 2)
    assert len((tmp_path / "losses.csv").read_text().splitlines()) == 3


def test_rows_after_the_checkpoint_are_cut_off(tmp_path: Path):
    write(tmp_path / "unbroken.csv", 0, 20)
    write(tmp_path / "losses.csv", 0, 13)
    write(tmp_path / "losses.csv", 10, 20)
    assert (tmp_path / "losses.csv").read_bytes() == (tmp_path / "unbroken.csv").read_bytes()


@pytest.mark.parametrize("kept_of_last_row", range(1, 40, 3))
def test_a_row_that_a_kill_cut_short_is_cut_off_wherever_it_ends(tmp_path: Path, kept_of_last_row: int):
    path = tmp_path / "losses.csv"
    write(tmp_path / "unbroken.csv", 0, 20)
    write(path, 0, 12)
    whole = path.read_bytes()
    start_of_last_row = whole.rindex(b"12,12")
    path.write_bytes(whole[: start_of_last_row + kept_of_last_row])
    write(path, 11, 20)
    assert path.read_bytes() == (tmp_path / "unbroken.csv").read_bytes()


def test_a_log_that_was_deleted_begins_anew_at_the_checkpoint(tmp_path: Path):
    write(tmp_path / "losses.csv", 4, 6)
    assert [line.split(",")[0] for line in (tmp_path / "losses.csv").read_text().splitlines()] == ["step", "5", "6"]


def test_flushed_rows_can_be_read_while_the_run_goes_on(tmp_path: Path):
    log = LossLog(tmp_path / "losses.csv", 0, LOSS_NAMES)
    log.interval(row(1, [0.0] * 6))
    assert len((tmp_path / "losses.csv").read_text().splitlines()) == 2
    log.ended()


def test_nothing_but_the_log_is_left_behind(tmp_path: Path):
    write(tmp_path / "losses.csv", 0, 3)
    write(tmp_path / "losses.csv", 2, 3)
    assert [path.name for path in tmp_path.iterdir()] == ["losses.csv"]
