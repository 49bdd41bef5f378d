"""What goes wrong with a training is seen in its losses, and what is usual is not called trouble."""

import random
from collections.abc import Iterator, Mapping

import pytest

from imgtrans.training.guards.losses import LossGuard
from imgtrans.training.guards.trouble import HINTS, Trouble

RATE = 2e-4


def usual(steps: int, first: int = 1, seed: int = 0) -> Iterator[tuple[int, dict[str, float]]]:
    """Losses as those of a CycleGAN at batch 1: falling, and noisy."""
    draw = random.Random(seed)
    for step in range(first, first + steps):
        fall = 1 + 2 * 0.99**step
        losses = {"G": 4 * fall, "G_adversarial": 1.0, "G_cycle": 0.2 * fall, "D_A": 0.12, "D_B": 0.2}
        yield step, {name: value * draw.uniform(0.4, 1.8) for name, value in losses.items()}


def heard(guard: LossGuard, rows: Iterator[tuple[int, Mapping[str, float]]]) -> list[Trouble]:
    return [trouble for step, losses in rows for trouble in guard.hear(step, losses, RATE)]


def changed(rows: Iterator[tuple[int, dict[str, float]]], **losses: float) -> Iterator[tuple[int, dict[str, float]]]:
    return ((step, {**row, **losses}) for step, row in rows)


def test_usual_losses_are_no_trouble():
    guard = LossGuard(4000)
    assert heard(guard, usual(4000)) == []
    assert guard.is_clean


def test_a_discriminator_that_has_won_for_long_is_named_once():
    guard = LossGuard(4000)
    heard(guard, usual(1000))
    (trouble,) = heard(guard, changed(usual(400, 1001), D_A=0.002))
    assert (trouble.kind, trouble.step) == ("discriminator", 1200)
    assert trouble.said == (
        "at step 1200 the discriminator D_A has won for 200 steps: its loss is 0.002, so nothing that the generator "
        "makes is taken for real"
    )
    assert guard.standing == [trouble]
    heard(guard, usual(10, 1401))
    assert guard.standing == [] and guard.is_clean


def test_a_discriminator_that_wins_for_a_while_only_is_no_trouble():
    guard = LossGuard(4000)
    assert heard(guard, changed(usual(190), D_B=0.001)) == []
    assert not guard.is_clean
    assert heard(guard, usual(100, 191)) == []
    assert heard(guard, changed(usual(190, 291), D_B=0.001)) == []


def test_a_jump_of_the_loss_is_named_and_over_when_it_is_over():
    guard = LossGuard(4000)
    heard(guard, usual(500))
    (trouble,) = heard(guard, changed(usual(20, 501), G=60.0, G_adversarial=15.0))
    assert (trouble.kind, trouble.step) == ("spike", 510)
    assert "the generators' loss has jumped to 60, " in trouble.said
    assert not guard.is_clean and guard.standing == []
    assert heard(guard, usual(200, 521)) == []
    assert guard.is_clean


@pytest.mark.parametrize("times", [5.0, 50.0])
def test_a_run_that_goes_on_with_other_weights_has_another_total_and_no_trouble(times: float):
    guard = LossGuard(4000)
    heard(guard, usual(500))
    heavier = ((step, {**losses, "G": times * losses["G"]}) for step, losses in usual(600, 501))
    assert heard(guard, heavier) == []
    assert guard.is_clean


def test_the_total_of_an_objective_that_tells_nothing_else_can_jump():
    guard = LossGuard(4000)
    alone = [(step, {"G": losses["G"]}) for step, losses in usual(500)]
    heard(guard, iter(alone))
    (trouble,) = heard(guard, ((step, {"G": 60.0}) for step in range(501, 521)))
    assert trouble.kind == "spike"


def test_losses_that_are_beyond_sense_have_come_apart():
    guard = LossGuard(4000)
    (trouble,) = heard(guard, changed(usual(30), G_adversarial=1e5))
    assert (trouble.kind, trouble.step) == ("apart", 10)
    assert guard.standing == [trouble]


@pytest.mark.parametrize("cut", [1003, 1110, 1199, 1200, 1201])
def test_a_guard_that_hears_old_rows_again_says_what_one_says_that_was_never_away(cut: int):
    rows = [*usual(1000), *changed(usual(400, 1001), D_A=0.002), *changed(usual(100, 1401), G=99.0, G_cycle=9.0)]
    unbroken = heard(LossGuard(4000), iter(rows))
    resumed = LossGuard(4000)
    before = heard(resumed, iter(rows[:cut]))
    assert before + heard(resumed, iter(rows[cut:])) == unbroken
    assert [trouble.kind for trouble in unbroken] == ["discriminator", "spike"]


def test_each_kind_of_trouble_has_a_hint():
    assert all(HINTS.values())
    assert Trouble("spike", 1, "").hint.startswith("one alone mostly passes")
