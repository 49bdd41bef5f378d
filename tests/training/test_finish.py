"""The end of a run: both generators stand in the zoo, each with a card that says everything."""

import copy
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import torch

import imgtrans
from imgtrans.errors import FilesError
from imgtrans.files import sha256_of
from imgtrans.quality.scores import Score
from imgtrans.training.finish import install_results, last_losses
from imgtrans.training.objectives import cyclegan, discriminators
from imgtrans.training.run import TrainingRun, prepare
from imgtrans.training.scoring.best import Best, keep_best
from imgtrans.training.scoring.file import SCORES, ScoreFile, figures
from imgtrans.zoo.loading import load_network
from imgtrans.zoo.store import Model, find, models_folder, remove
from tests.training.conftest import thin_discriminator

_COLUMNS = ("step", *cyclegan.LOSS_NAMES, "learning_rate")


@pytest.fixture
def run(data: Path, folder: Path, tiny: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> TrainingRun:
    """A complete run of three steps."""
    monkeypatch.setattr(discriminators, "Discriminator", lambda shape: thin_discriminator())
    run = prepare(data, folder, {**tiny, "steps": 3, "batch_size": 2, "seed": 5}, resume=False)
    assert run.train(lambda _: None, lambda: False)
    return run


def test_both_generators_stand_in_the_zoo_with_their_own_weights(run: TrainingRun, data: Path):
    models = install_results(run, "day2night", data)
    assert [model.name for model in models] == ["day2night", "night2day"]
    networks = run.state.objective.generators()
    for model, trained in zip(models, networks.values(), strict=True):
        assert find(model.name) == model
        loaded = load_network(model).state_dict()
        assert loaded.keys() == trained.state_dict().keys()
        assert all(torch.equal(tensor, loaded[name]) for name, tensor in trained.state_dict().items())
    assert models[0].card.sha256 != models[1].card.sha256


def test_averages_are_what_stands_in_the_zoo(
    data: Path, folder: Path, tiny: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(discriminators, "Discriminator", lambda shape: thin_discriminator())
    run = prepare(data, folder, {**tiny, "steps": 3, "ema_decay": 0.9}, resume=False)
    assert run.train(lambda _: None, lambda: False)
    model, _ = install_results(run, "day2night", data)
    loaded, last = load_network(model).state_dict(), run.state.objective.generators()["G_AB"].state_dict()
    averaged = run.state.averages["G_AB"].module.state_dict()
    assert all(torch.equal(tensor, loaded[name]) for name, tensor in averaged.items())
    assert any(not torch.equal(tensor, loaded[name]) for name, tensor in last.items())
    assert model.card.training["ema_decay"] == 0.9


def test_their_cards_say_everything(run: TrainingRun, data: Path):
    forth, back = (find(model.name) for model in install_results(run, "day2night", data))
    assert (forth.card.source, forth.card.target) == ("day", "night")
    assert (back.card.source, back.card.target) == ("night", "day")
    for model in (forth, back):
        card = model.card
        assert card.architecture == "resnet"
        assert card.parameters == {"channels": 3, "ngf": 4, "blocks": 1, "upsampling": "nearest"}
        assert card.value_range == (-1.0, 1.0)
        assert (card.training_size, card.steps) == (32, 3)
        assert card.data_set == "data (5 and 4 pictures)"
        assert card.sha256 == sha256_of(model.weights)
        assert abs((datetime.now(UTC).date() - datetime.fromisoformat(card.date).date()).days) <= 1
        assert card.licence == "unstated"
        assert card.provenance.startswith(f"trained by imgtrans {imgtrans.__version__} ")
        assert card.metrics == last_losses(run.folder / "losses.csv")
        assert card.metrics.keys() == {f"loss_{name}" for name in cyclegan.LOSS_NAMES}
        told = {"seed": 5, "crop": 32, "learning_rate": 2e-4, "pictures_seen": 6, "device": "cpu"}
        assert told.items() <= card.training.items()


def test_finishing_again_changes_nothing_and_adds_what_is_missing(run: TrainingRun, data: Path):
    first = install_results(run, "day2night", data)
    before = {path: path.stat().st_mtime_ns for path in models_folder().rglob("*")}
    assert install_results(run, "day2night", data) == first
    assert {path: path.stat().st_mtime_ns for path in models_folder().rglob("*")} == before
    remove("night2day")
    assert [model.name for model in install_results(run, "day2night", data)] == ["day2night", "night2day"]
    assert find("night2day").card.sha256 == first[1].card.sha256


def test_the_best_weights_have_the_name_and_the_last_ones_stand_beside_them(run: TrainingRun, data: Path):
    generators = run.state.results()
    better = {way: copy.deepcopy(network) for way, network in generators.items()}
    for network in better.values():
        with torch.no_grad():
            next(network.parameters()).mul_(1.5)
    score = Score("kid", 0.25, "classifier", 0.125, 0.5)
    keep_best(Best(2, 0.25, {way: figures([score]) for way in better}, run.folder), better)
    file = ScoreFile(run.folder / SCORES, 0)
    file.add(3, {way: [replace(score, value=0.75)] for way in better})
    models = install_results(run, "day2night", data)
    assert [model.name for model in models] == ["day2night", "night2day", "day2night-last", "night2day-last"]
    for model, network in zip(models, [*better.values(), *generators.values()], strict=True):
        assert all(
            torch.equal(tensor, load_network(model).state_dict()[key]) for key, tensor in network.state_dict().items()
        )
    best, last = models[0].card, models[2].card
    assert (best.steps, best.training["pictures_seen"]) == (2, 4)
    assert (last.steps, last.training["pictures_seen"]) == (3, 6)
    assert best.metrics["kid_classifier"] == 0.25 and last.metrics["kid_classifier"] == 0.75
    assert (best.metrics["kid_classifier_low"], best.metrics["kid_classifier_high"]) == (0.125, 0.5)
    assert best.metrics["loss_G"] != last.metrics["loss_G"]
    assert install_results(run, "day2night", data) == models


def test_where_the_last_weights_are_the_best_there_is_no_other_model(run: TrainingRun, data: Path):
    generators = run.state.results()
    score = Score("kid", 0.25, "classifier", 0.125, 0.5)
    keep_best(Best(3, 0.25, {way: figures([score]) for way in generators}, run.folder), generators)
    ScoreFile(run.folder / SCORES, 0).add(3, {way: [score] for way in generators})
    models = install_results(run, "day2night", data)
    assert [model.name for model in models] == ["day2night", "night2day"]
    assert models[1].card.metrics["kid_classifier"] == 0.25


def test_a_model_that_took_the_name_meanwhile_is_left_alone(run: TrainingRun, data: Path, tiny_model: Model):
    with pytest.raises(FilesError, match="'tiny' is in the zoo already"):
        install_results(run, "tiny", data)
    assert find("tiny") == tiny_model


def test_the_metrics_are_the_means_of_the_last_steps(tmp_path: Path):
    rows = [[step, *([step] * 6), 2e-4] for step in range(1, 1501)]
    lines = [",".join(map(str, row)) for row in [_COLUMNS, *rows]]
    (tmp_path / "losses.csv").write_text("\n".join(lines))
    assert {*last_losses(tmp_path / "losses.csv").values()} == {(501 + 1500) / 2}


def test_a_run_without_a_step_has_no_metrics(tmp_path: Path):
    (tmp_path / "losses.csv").write_text(",".join(_COLUMNS) + "\n")
    assert last_losses(tmp_path / "losses.csv") == {}
