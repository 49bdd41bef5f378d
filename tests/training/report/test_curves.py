"""Curves are drawn in few points, and yet each peak, each mean and the last step are there."""

import random
from pathlib import Path

import pytest

from imgtrans.training.report.curves import POINTS, Curve, read_curves


@pytest.mark.parametrize("count", [1, 2, POINTS, 2 * POINTS, 2 * POINTS + 1, 12_345])
def test_no_peak_is_lost_and_the_mean_stays(count: int):
    draw = random.Random(count)
    values = [draw.gauss(5, 1) for _ in range(count)]
    values[count // 3] = 99.0
    values[count // 2] = -99.0
    curve = Curve()
    for step, value in enumerate(values, 1):
        curve.add(step, value)
    points = curve.points()
    assert min(count, POINTS) <= len(points) <= 2 * POINTS
    assert (max(point.high for point in points), min(point.low for point in points)) == (max(values), min(values))
    assert sum(point.size for point in points) == count
    assert sum(point.mean * point.size for point in points) == pytest.approx(sum(values))
    steps = [point.step for point in points]
    assert steps == sorted(steps) and steps[-1] == count


def test_each_stretch_is_what_it_was():
    curve = Curve()
    for step in range(1, 4 * POINTS + 1):
        curve.add(step, float(step))
    first, second = curve.points()[:2]
    assert first.size == second.size > 1
    assert (first.low, first.high, first.mean) == (1, first.step, (1 + first.step) / 2)
    assert (second.low, second.high) == (first.step + 1, second.step)


def test_a_file_is_read_up_to_a_step_and_what_is_no_number_is_left_out(tmp_path: Path):
    path = tmp_path / "losses.csv"
    path.write_text("step,G,by\n1,2.5,me\n2,nan,you\n3,1.5,me\n4,9,me\n4,")
    curves = read_curves(path, 3).by_name
    assert [(point.step, point.mean) for point in curves["G"].points()] == [(1, 2.5), (3, 1.5)]
    assert list(curves) == ["G"]
    assert read_curves(tmp_path / "gone.csv", 3).by_name == {}
