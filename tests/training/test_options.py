"""The settings of a run: the paper's by default, refused when senseless, fixed once a run has begun."""

import json
import re
from dataclasses import FrozenInstanceError, asdict, fields
from itertools import pairwise
from typing import Any

import pytest

from imgtrans.errors import UsageError
from imgtrans.training.options import MAY_CHANGE_ON_RESUME, TrainOptions, learning_rate_factor


def factors(all_steps: int, constant_steps: int) -> list[float]:
    return [learning_rate_factor(step, all_steps, constant_steps) for step in range(all_steps)]


def test_the_defaults_are_the_papers():
    options = TrainOptions()
    assert (options.ngf, options.blocks, options.crop, options.batch_size) == (64, 9, 256, 1)
    assert (options.epochs, options.decay_epochs) == (100, 100)
    assert options.learning_rate == 2e-4
    assert (options.cycle_weight, options.identity_weight, options.pool_size) == (10.0, 0.5, 50)
    assert options.scale_jitter == 1.0


def test_options_cannot_be_changed_in_place():
    with pytest.raises(FrozenInstanceError):
        TrainOptions().ngf = 3


@pytest.mark.parametrize(
    ("wrong", "flag"),
    [
        ({"ngf": 0}, "--ngf"), ({"blocks": -1}, "--blocks"), ({"batch_size": 0}, "--batch-size"),
        ({"crop": 28}, "--crop"), ({"crop": 34}, "--crop"), ({"grid_every": 0}, "--grid-every"),
        ({"epochs": -1}, "--epochs"), ({"decay_epochs": -1}, "--decay-epochs"), ({"steps": -1}, "--steps"),
        ({"ema_decay": -0.1}, "--ema-decay"), ({"ema_decay": 1.0}, "--ema-decay"),
        ({"pool_size": -1}, "--pool-size"), ({"workers": -1}, "--workers"), ({"seed": -1}, "--seed"),
        ({"identity_weight": -0.1}, "--identity-weight"),
        ({"spike_weight": -1.0}, "--spike-weight"), ({"cycle_weight": -1.0}, "--cycle-weight"),
        ({"learning_rate": -1e-4}, "--learning-rate"), ({"save_minutes": -1.0}, "--save-minutes"),
        ({"learning_rate": float("nan")}, "--learning-rate"),
        ({"upsampling": "cubic"}, "--upsampling"),
        ({"scale_jitter": 0.9}, "--scale-jitter"), ({"epochs": 0, "decay_epochs": 0}, "--epochs"),
    ],
)  # fmt: skip
def test_a_senseless_value_is_refused_and_named(wrong: dict[str, Any], flag: str):
    with pytest.raises(UsageError, match=flag):
        TrainOptions(**wrong)


NUMBERS = {field.name: field.default for field in fields(TrainOptions) if type(field.default) in (int, float)}


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [10**22, -(10**22), float("nan"), float("inf"), float("-inf")])
def test_no_number_is_so_odd_that_it_gets_through(name: str, value: float):
    with pytest.raises(UsageError, match=f"--{name.replace('_', '-')} "):
        TrainOptions(**{name: value})


@pytest.mark.parametrize(
    "least",
    [
        {"blocks": 0}, {"pool_size": 0}, {"identity_weight": 0.0}, {"save_minutes": 0.0}, {"workers": 0}, {"crop": 32},
        {"steps": 5, "epochs": 0, "decay_epochs": 0},
    ],
)  # fmt: skip
def test_the_least_sensible_values_are_accepted(least: dict[str, Any]):
    TrainOptions(**least)


def test_the_papers_schedule_is_100_epochs_and_100_more():
    assert TrainOptions().schedule(1231) == (246_200, 123_100)


def test_an_epoch_of_batches_is_rounded_up():
    assert TrainOptions(batch_size=4, epochs=2, decay_epochs=1).schedule(10) == (9, 6)


@pytest.mark.parametrize(("steps", "constant"), [(1, 1), (2, 1), (10, 5), (11, 6)])
def test_steps_replace_epochs_and_half_of_them_decay(steps: int, constant: int):
    assert TrainOptions(steps=steps).schedule(1231) == (steps, constant)


def test_the_learning_rate_is_constant_then_falls_linearly_to_almost_0():
    rates = factors(200, 100)
    assert rates[:100] == [1.0] * 100
    falls = [before - after for before, after in pairwise(rates[99:])]
    assert falls == pytest.approx([1 / 101] * 100)
    assert rates[-1] == pytest.approx(1 / 101)


@pytest.mark.parametrize(("all_steps", "constant_steps"), [(10, 10), (10, 0), (1, 1), (1, 0)])
def test_the_learning_rate_stays_above_0_and_never_above_1(all_steps: int, constant_steps: int):
    rates = factors(all_steps, constant_steps)
    assert all(0 < rate <= 1 for rate in rates)
    assert rates == sorted(rates, reverse=True)


def test_options_survive_plain_text():
    options = TrainOptions(ngf=5, learning_rate=1e-3, init="zoo/model", steps=7)
    assert TrainOptions(**json.loads(json.dumps(options.to_dict()))) == options


def test_a_resumed_run_has_the_saved_options_not_the_defaults():
    saved = TrainOptions(ngf=8, crop=64, seed=3, epochs=7)
    assert TrainOptions.resumed(saved.to_dict(), {}) == saved


CHANGED: dict[str, Any] = {
    "objective": "cut", "relaxed_cycle": 0.5, "nce_weight": 2.0, "gradient_penalty": 1.0, "spectral_norm": True,
    "scales": 2, "diffaugment": True,
    "ngf": 8, "blocks": 6, "upsampling": "transpose", "crop": 64, "scale_jitter": 1.5, "batch_size": 2,
    "learning_rate": 1e-3, "cycle_weight": 5.0, "identity_weight": 0.0, "pool_size": 10, "ema_decay": 0.9,
    "spike_weight": 1.0, "seed": 1, "init": "model",
    "epochs": 7, "decay_epochs": 7, "steps": 7, "device": "cpu", "precision": "float32", "backend": "eager",
    "workers": 7, "save_minutes": 7.0, "grid_every": 7, "evaluate_every": 7, "score_by": "statistics",
    "flip": False, "colour_jitter": 0.1, "rotate": 7.0, "accumulate": 7, "clip_norm": 1.0, "keep": 7,
    "on_trouble": "rollback",
}  # fmt: skip


def test_every_option_is_told_apart_below():
    assert set(CHANGED) == set(asdict(TrainOptions()))


@pytest.mark.parametrize("name", sorted(set(CHANGED) - MAY_CHANGE_ON_RESUME))
def test_an_option_that_makes_another_run_is_refused_on_resume(name: str):
    with pytest.raises(UsageError, match=name.replace("_", "-")) as caught:
        TrainOptions.resumed(TrainOptions().to_dict(), {name: CHANGED[name]})
    assert f"--{name.replace('_', '-')}" in caught.value.hint


@pytest.mark.parametrize("name", sorted(MAY_CHANGE_ON_RESUME))
def test_an_option_that_may_change_half_way_is_taken_over_on_resume(name: str):
    objective = "cut" if name == "nce_weight" else "cyclegan"
    options = TrainOptions.resumed(TrainOptions(objective=objective, ngf=8).to_dict(), {name: CHANGED[name]})
    assert getattr(options, name) == CHANGED[name]
    assert options.ngf == 8


@pytest.mark.parametrize(
    ("given", "steps"), [({"epochs": 9}, 0), ({"decay_epochs": 9}, 0), ({"epochs": 9, "steps": 40}, 40), ({}, 30)]
)
def test_a_run_by_steps_goes_on_by_epochs_when_those_are_given(given: dict[str, Any], steps: int):
    assert TrainOptions.resumed(TrainOptions(steps=30).to_dict(), given).steps == steps


def test_an_option_given_again_unchanged_is_no_change():
    saved = TrainOptions(ngf=8)
    assert TrainOptions.resumed(saved.to_dict(), {"ngf": 8, "learning_rate": 2e-4}) == saved


def test_an_option_that_this_version_does_not_know_is_dropped_and_a_new_one_has_its_default():
    saved = TrainOptions(ngf=8).to_dict()
    del saved["grid_every"]
    assert TrainOptions.resumed({**saved, "forgotten": 1}, {}) == TrainOptions(ngf=8)


def test_a_setting_newer_than_the_run_may_be_given_as_it_was_all_along_and_not_otherwise():
    saved = TrainOptions().to_dict()
    del saved["upsampling"]
    assert TrainOptions.resumed(saved, {"upsampling": "nearest"}) == TrainOptions()
    with pytest.raises(UsageError, match="upsampling = nearest, not transpose"):
        TrainOptions.resumed(saved, {"upsampling": "transpose"})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"objective": "cut", "cycle_weight": 3.0}, "--cycle-weight does nothing with --objective cut, which has no"),
        ({"objective": "fastcut", "identity_weight": 1.0}, "--identity-weight does nothing with --objective fastcut"),
        ({"objective": "cut", "pool_size": 10}, "which shows no past fakes"),
        ({"objective": "cut", "relaxed_cycle": 0.5}, "which has no way back"),
        ({"nce_weight": 2.0}, "--nce-weight does nothing with --objective cyclegan, which compares no patches"),
        ({"objective": "modern", "nce_weight": 2.0}, "which compares no patches"),
        ({"scales": 3}, ""),
        ({"scales": 3, "crop": 96}, "--scales 3 needs crops of at least 128 pixels, not 96"),
        ({"objective": "modern", "crop": 32}, "--scales 2 needs crops of at least 64 pixels, not 32"),
        ({"relaxed_cycle": 1.5}, "--relaxed-cycle must be at most 1, not 1.5"),
        ({"objective": "another", "nce_weight": 2.0, "cycle_weight": 3.0}, ""),
        ({"objective": "cut", "cycle_weight": 10.0}, ""),
    ],
)  # fmt: skip
def test_an_option_that_an_objective_has_no_use_for_is_refused(given: dict[str, Any], said: str):
    if not said:
        assert TrainOptions.chosen(given)
        return
    with pytest.raises(UsageError, match=re.escape(said)):
        TrainOptions.chosen(given)


def test_a_resumed_run_has_no_use_for_what_its_objective_has_none_for():
    saved = TrainOptions.chosen({"objective": "cut"}).to_dict()
    with pytest.raises(UsageError, match="--cycle-weight does nothing with --objective cut"):
        TrainOptions.resumed(saved, {"cycle_weight": 3.0})


def test_what_an_objective_sets_is_a_default_that_the_user_overrules():
    assert TrainOptions.chosen({"objective": "modern", "scales": 1, "crop": 32}).scales == 1
    assert TrainOptions.chosen({"objective": "modern"}).ema_decay == 0.999
    assert TrainOptions.chosen({}) == TrainOptions()
