"""Scores in training: they change nothing about it, and the best weights are kept, whether it was stopped or not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from imgtrans.checkpoint import read_networks
from imgtrans.errors import UsageError
from imgtrans.quality.scores import Score
from imgtrans.training.objectives import discriminators
from imgtrans.training.run import TrainingRun, prepare
from imgtrans.training.scoring.best import Best, keep_best, read_best
from imgtrans.training.scoring.file import ScoreFile, figures, read_scores
from imgtrans.training.state import TrainingState
from tests.quality.conftest import cold, warm
from tests.training.conftest import thin_discriminator

State = Callable[..., TrainingState]
OPTIONS: dict[str, Any] = {"steps": 6, "evaluate_every": 2, "score_by": "statistics"}


@pytest.fixture(autouse=True)
def thin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discriminators, "Discriminator", lambda shape: thin_discriminator())


@pytest.fixture
def scored_data(tmp_path: Path) -> Path:
    """A data set of warm and cold pictures, enough to score with."""
    for domain, kind in (("A", warm), ("B", cold)):
        for part, count, first in (("train", 10, 0), ("test", 11, 50)):
            folder = tmp_path / "data" / f"{part}{domain}"
            folder.mkdir(parents=True)
            for n in range(count):
                kind(first + n).save(folder / f"{n}.png")
    return tmp_path / "data"


def trained(
    data: Path, folder: Path, given: dict[str, Any], *, resume: bool = False, stop: int = 10**9
) -> tuple[TrainingRun, list[tuple[int, list[Score], bool]]]:
    told: list[tuple[int, list[Score], bool]] = []
    run = prepare(data, folder, given, resume)
    run.train(
        lambda interval: None,
        lambda: run.state.step >= stop,
        scored=lambda step, scores, best: told.append((step, [s for some in scores.values() for s in some], best)),
    )
    return run, told


def test_every_so_many_steps_and_at_the_end_all_generators_are_scored(
    scored_data: Path, tmp_path: Path, tiny: dict[str, Any]
):
    _, told = trained(scored_data, tmp_path / "run", {**tiny, **OPTIONS, "steps": 5, "score_by": "classifier"})
    assert [step for step, _, _ in told] == [2, 4, 5]
    one_way = [
        *((name, "classifier") for name in ("kid", "fid", "precision", "recall", "taken_for_real")),
        *((name, "statistics") for name in ("kid", "fid", "precision", "recall")),
        ("structure", "gradients"),
        ("cycle", ""),
    ]
    assert [(score.name, score.extractor) for score in told[0][1]] == one_way * 2
    rows = read_scores(tmp_path / "run" / "scores.csv")
    assert [row["step"] for row in rows] == [2, 4, 5]
    assert rows[0]["G_BA_kid_classifier_low"] <= rows[0]["G_BA_kid_classifier"] <= rows[0]["G_BA_kid_classifier_high"]
    assert 0 < rows[0]["G_AB_cycle"] < 1


def test_what_is_best_is_kept_with_its_weights_and_scores(scored_data: Path, tmp_path: Path, tiny: dict[str, Any]):
    run, told = trained(scored_data, tmp_path / "run", {**tiny, **OPTIONS})
    rows = read_scores(tmp_path / "run" / "scores.csv")
    means = {int(row["step"]): (row["G_AB_kid_statistics"] + row["G_BA_kid_statistics"]) / 2 for row in rows}
    best = read_best(tmp_path / "run")
    assert best is not None and best.step == min(means, key=means.__getitem__)
    assert best.value == pytest.approx(means[best.step], abs=1e-6)
    assert best.figures["G_AB"]["kid_statistics"] == pytest.approx(rows[best.step // 2 - 1]["G_AB_kid_statistics"])
    assert [step for step, _, is_best in told if is_best][-1] == best.step
    assert {path.name for path in (tmp_path / "run" / "best").iterdir()} == {
        "best.json", f"G_AB-{best.step:07d}.safetensors", f"G_BA-{best.step:07d}.safetensors",
    }  # fmt: skip
    assert best.weights("G_AB").keys() == run.state.results()["G_AB"].state_dict().keys()


def test_a_training_is_the_same_with_scores_and_without(scored_data: Path, tmp_path: Path, tiny: dict[str, Any]):
    for name, every in (("with", 2), ("without", 0)):
        trained(scored_data, tmp_path / name, {**tiny, **OPTIONS, "score_by": "classifier", "evaluate_every": every})
    assert (tmp_path / "with" / "losses.csv").read_bytes() == (tmp_path / "without" / "losses.csv").read_bytes()
    assert not (tmp_path / "without" / "scores.csv").exists()


def test_a_run_that_was_stopped_ends_with_the_same_scores(scored_data: Path, tmp_path: Path, tiny: dict[str, Any]):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    trained(scored_data, whole, {**tiny, **OPTIONS})
    trained(scored_data, parts, {**tiny, **OPTIONS}, stop=3)
    assert [row["step"] for row in read_scores(parts / "scores.csv")] == [2]
    trained(scored_data, parts, {"workers": 0}, resume=True)
    assert (parts / "scores.csv").read_bytes() == (whole / "scores.csv").read_bytes()
    assert json.loads((parts / "best" / "best.json").read_text()) == json.loads(
        (whole / "best" / "best.json").read_text()
    )


def test_without_enough_test_pictures_there_are_no_scores_and_who_asks_for_them_is_told(
    data: Path, tmp_path: Path, tiny: dict[str, Any]
):
    assert prepare(data, tmp_path / "run", tiny, resume=False).test_pictures is None
    with pytest.raises(UsageError, match="--evaluate-every needs at least 10 pictures and 10 test pictures") as caught:
        prepare(data, tmp_path / "asked", {**tiny, "evaluate_every": 5}, resume=False)
    assert "--test-a" in caught.value.hint


def test_scores_of_steps_that_are_taken_again_are_cut_off(tmp_path: Path):
    scores = [Score("kid", 0.25, "classifier-luminance", 0.2, 0.3), Score("cycle", 0.5, "")]
    file = ScoreFile(tmp_path / "scores.csv", 0)
    for step in (2, 4, 6):
        file.add(step, {"G_AB": scores})
    ScoreFile(tmp_path / "scores.csv", 4).add(5, {"G_AB": scores, "G_BA": scores})
    rows = read_scores(tmp_path / "scores.csv")
    assert [row["step"] for row in rows] == [2, 4, 5]
    assert "G_BA_cycle" not in rows[0] and rows[2]["G_BA_cycle"] == 0.5
    assert figures(scores) == {
        "kid_classifier_luminance": 0.25, "kid_classifier_luminance_low": 0.2, "kid_classifier_luminance_high": 0.3,
        "cycle": 0.5,
    }  # fmt: skip


def test_a_kill_while_the_best_is_written_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    first, second = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    keep_best(Best(2, 0.5, {}, tmp_path), {"G_AB": first})

    def killed(*_: object, **__: object) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("imgtrans.training.scoring.best.json.dumps", killed)
        with pytest.raises(KeyboardInterrupt):
            keep_best(Best(4, 0.25, {}, tmp_path), {"G_AB": second})
    best = read_best(tmp_path)
    assert best is not None and best.step == 2
    assert torch.equal(best.weights("G_AB")["weight"], first.weight)
    keep_best(Best(4, 0.25, {}, tmp_path), {"G_AB": second})
    assert [path.name for path in sorted((tmp_path / "best").iterdir())] == ["G_AB-0000004.safetensors", "best.json"]
    assert [*read_networks(tmp_path / "best" / "G_AB-0000004.safetensors")]


def test_what_is_no_record_of_a_best_is_none(tmp_path: Path):
    (tmp_path / "best").mkdir()
    (tmp_path / "best" / "best.json").write_text("{")
    assert read_best(tmp_path) is None
