"""Trouble in real, tiny trainings: it is found, said, written down, and what was asked for is done about it."""

import csv
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from imgtrans.training.guards.guarding import standing_troubles
from imgtrans.training.guards.notes import read_notes
from imgtrans.training.guards.trouble import HINTS, TroubleError
from imgtrans.training.objectives import discriminators
from imgtrans.training.options import learning_rate_factor
from imgtrans.training.rollback import GOOD, MOST
from imgtrans.training.run import TrainingRun, prepare
from imgtrans.training.state import TrainingState, read_state
from tests.training.conftest import thin_discriminator

Poison = Callable[[TrainingState], None]
STEPS = 160


@pytest.fixture(autouse=True)
def thin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discriminators, "Discriminator", lambda shape: thin_discriminator())


@pytest.fixture
def tiny(tiny: dict[str, Any]) -> dict[str, Any]:
    return {**tiny, "steps": STEPS, "grid_every": 25}


def trained(
    data: Path, folder: Path, given: dict[str, Any], poison: Poison, *, until: int = STEPS + 1, resume: bool = False
) -> TrainingRun:
    """Train in ``folder``, poisoned after each step, and stop after one."""
    run = prepare(data, folder, given, resume)

    def stop() -> bool:
        if run.state.step:
            poison(run.state)
        return run.state.step >= until

    run.train(lambda _: None, stop)
    return run


def at(step: int, poison: Poison, *, once: bool = True) -> Poison:
    """Poison after one step, or after each from then on; ``once`` only where the run has not gone back yet."""
    done: list[int] = []

    def now(state: TrainingState) -> None:
        if (state.step == step and not state.rollbacks and not done) if once else state.step >= step:
            done.append(state.step)
            poison(state)

    return now


def last_layer(state: TrainingState) -> torch.nn.Conv2d:
    layer = state.objective.generators()["G_AB"].model[-2]
    assert isinstance(layer, torch.nn.Conv2d)
    return layer


def nothing(state: TrainingState) -> None:
    pass


def overdrive(state: TrainingState) -> None:
    last_layer(state).weight.data.sign_().mul_(50)


def kill(state: TrainingState) -> None:
    """Have the last layer make one colour of all."""
    torch.nn.init.zeros_(last_layer(state).weight)


def shock(state: TrainingState) -> None:
    """Have a discriminator be far off for a while."""
    layer = state.objective.networks()["D_B"][-1]
    assert isinstance(layer, torch.nn.Conv2d) and layer.bias is not None
    layer.bias.data += 8


def make_infinite(state: TrainingState) -> None:
    last_layer(state).weight.data.fill_(torch.inf)


TROUBLES: list[tuple[str, Callable[[], Poison], dict[str, Any]]] = [
    ("saturated", lambda: at(60, overdrive, once=False), {}),
    ("collapsed", lambda: at(60, kill, once=False), {}),
    ("spike", lambda: at(120, shock), {}),
    ("discriminator", lambda: at(1, kill, once=False), {"learning_rate": 0.002, "pool_size": 0, "steps": 320}),
    ("apart", lambda: nothing, {"learning_rate": 1e6}),
]


@pytest.mark.parametrize(("kind", "poison", "changed"), TROUBLES, ids=[one[0] for one in TROUBLES])
def test_trouble_is_found_said_and_written_down(
    data: Path, folder: Path, tiny: dict[str, Any], caplog: pytest.LogCaptureFixture,
    kind: str, poison: Callable[[], Poison], changed: dict[str, Any],
):  # fmt: skip
    steps = changed.get("steps", STEPS)
    with caplog.at_level(logging.WARNING):
        trained(data, folder, {**tiny, **changed}, poison(), until=steps + 1)
    notes = [note for note in read_notes(folder) if note.trouble.kind == kind]
    assert notes and not notes[0].done
    assert f"{notes[0].trouble.said}; {HINTS[kind]}" in caplog.text
    standing = {trouble.kind for trouble in standing_troubles(folder, steps, steps)}
    assert (kind in standing) is (kind != "spike")


def test_a_training_that_goes_well_is_told_nothing(data: Path, folder: Path, tiny: dict[str, Any]):
    trained(data, folder, tiny, nothing)
    assert read_notes(folder) == []
    assert standing_troubles(folder, STEPS, STEPS) == []
    assert not (folder / "troubles.jsonl").exists() and not (folder / GOOD).exists()


@pytest.mark.parametrize(("kind", "poison", "changed"), TROUBLES[1:3], ids=[one[0] for one in TROUBLES[1:3]])
def test_asked_to_stop_it_stops_with_the_last_checkpoint_as_it_was(
    data: Path, folder: Path, tiny: dict[str, Any], kind: str, poison: Callable[[], Poison], changed: dict[str, Any]
):
    given = {**tiny, **changed, "on_trouble": "stop"}
    with pytest.raises(TroubleError) as ended:
        trained(data, folder, given, poison())
    assert ended.value.exit_code == 5
    assert (ended.value.trouble.kind, ended.value.hint) == (kind, HINTS[kind])
    (note,) = read_notes(folder)
    assert (note.trouble, note.done) == (ended.value.trouble, "the training was ended")
    assert not (folder / "checkpoint.pt").exists()  # none was due


def rates(folder: Path) -> list[float]:
    with (folder / "losses.csv").open(newline="") as file:
        return [float(row["learning_rate"]) for row in csv.DictReader(file)]


@pytest.mark.parametrize(
    ("poison", "kind", "found", "back"),
    [
        (at(62, make_infinite), "diverged", 63, 50),
        (at(127, shock), "spike", 140, 125),
    ],
    ids=["diverged", "spike"],
)
def test_asked_to_roll_back_it_goes_on_from_the_last_good_look_at_half_the_rate(
    data: Path, folder: Path, tiny: dict[str, Any], poison: Poison, kind: str, found: int, back: int
):
    options = {**tiny, "on_trouble": "rollback"}
    run = trained(data, folder, options, poison)
    (note,) = read_notes(folder)
    assert (note.trouble.kind, note.trouble.step) == (kind, found)
    assert note.done.startswith(f"back to step {back}, with a learning rate of ")
    assert (run.state.step, run.state.rollbacks) == (STEPS, 1)
    logged = rates(folder)
    assert len(logged) == STEPS
    falling = [learning_rate_factor(step, STEPS, STEPS // 2) for step in range(STEPS)]
    assert logged[:back] == pytest.approx([2e-4 * factor for factor in falling[:back]], rel=1e-4)
    assert logged[back:] == pytest.approx([1e-4 * factor for factor in falling[back:]], rel=1e-4)
    assert read_state(folder / "checkpoint.pt")["rollbacks"] == 1


@pytest.mark.parametrize("cut", [[62], [30, 80, 103]])
def test_a_run_that_rolls_back_ends_the_same_however_often_it_is_interrupted(
    data: Path, tmp_path: Path, tiny: dict[str, Any], cut: list[int]
):
    given, poison = {**tiny, "on_trouble": "rollback"}, lambda: at(62, make_infinite)
    unbroken = trained(data, tmp_path / "unbroken", given, poison())
    for number, until in enumerate([*cut, STEPS + 1]):
        run = trained(data, tmp_path / "broken", {} if number else given, poison(), until=until, resume=bool(number))
    assert run.state.rollbacks == unbroken.state.rollbacks == 1
    logs = [(tmp_path / name / "losses.csv").read_bytes() for name in ("unbroken", "broken")]
    assert logs[0] == logs[1]
    contents = [read_state(tmp_path / name / "checkpoint.pt")["networks"] for name in ("unbroken", "broken")]
    for name, weights in contents[0].items():
        assert all(torch.equal(one, contents[1][name][key]) for key, one in weights.items())
    assert [note.done for note in read_notes(tmp_path / "broken")] == [
        note.done for note in read_notes(tmp_path / "unbroken")
    ]


def test_a_run_that_goes_back_in_vain_ends(data: Path, folder: Path, tiny: dict[str, Any]):
    given = {**tiny, "on_trouble": "rollback"}
    with pytest.raises(TroubleError, match=rf"has diverged; it has gone back {MOST} times already, in vain"):
        trained(data, folder, given, at(60, make_infinite, once=False))
    notes = read_notes(folder)
    assert [note.done[:15] for note in notes] == ["back to step 50"] * MOST + ["the training wa"]
    assert read_state(folder / "checkpoint.pt")["step"] == 50


def test_a_new_learning_rate_is_the_whole_of_it(data: Path, folder: Path, tiny: dict[str, Any]):
    trained(data, folder, {**tiny, "on_trouble": "rollback"}, at(60, make_infinite), until=70)
    assert prepare(data, folder, {}, resume=True).state.learning_rate == pytest.approx(1e-4)
    assert prepare(data, folder, {"learning_rate": 3e-4}, resume=True).state.learning_rate == pytest.approx(3e-4)


@pytest.mark.parametrize("cut", [75, 99])
def test_a_run_that_goes_on_is_watched_as_if_it_had_never_stopped(
    data: Path, tmp_path: Path, tiny: dict[str, Any], cut: int
):
    trained(data, tmp_path / "unbroken", tiny, at(60, kill, once=False))
    trained(data, tmp_path / "broken", tiny, at(60, kill, once=False), until=cut)
    trained(data, tmp_path / "broken", {}, at(60, kill, once=False), resume=True)
    assert read_notes(tmp_path / "broken") == read_notes(tmp_path / "unbroken") != []
    looks = [(tmp_path / name / "looks.csv").read_bytes() for name in ("unbroken", "broken")]
    assert looks[0] == looks[1]
