"""A training as a file: read as it was written, and what it cannot mean is refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from imgtrans.errors import FilesError, UsageError
from imgtrans.training.data.folders import Folders
from imgtrans.training.options import TrainOptions
from imgtrans.training.recipe import read_recipe, write_recipe


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "changed",
    [
        {}, {"ngf": 16, "blocks": 3, "crop": 64, "batch_size": 2, "seed": 7}, {"steps": 100}, {"precision": "float32"},
        {"epochs": 3, "decay_epochs": 0}, {"learning_rate": 1e-9, "ema_decay": 0.999}, {"init": "summer2winter"},
    ],
)  # fmt: skip
def test_what_is_written_is_read_again(tmp_path: Path, changed: dict[str, Any]):
    options = TrainOptions(**changed)
    path = tmp_path / "runs" / "a2b" / "train.toml"
    path.parent.mkdir(parents=True)
    write_recipe(path, Folders.of(tmp_path / "photos" / "a2b"), "a2b", options)
    recipe = read_recipe(path)
    assert TrainOptions(**recipe.settings) == options
    assert {key: folder.resolve() for key, folder in recipe.folders.items()} == {"data": tmp_path / "photos" / "a2b"}
    assert recipe.name == "a2b"


def test_a_run_and_its_pictures_can_move_together(tmp_path: Path):
    path = tmp_path / "here" / "runs" / "a2b" / "train.toml"
    path.parent.mkdir(parents=True)
    weights = tmp_path / "here" / "start.pth"
    options = replace(TrainOptions(), init=str(weights))
    write_recipe(path, Folders(tmp_path / "here" / "day", tmp_path / "here" / "night"), "a2b", options)
    (tmp_path / "here").rename(tmp_path / "there")
    recipe = read_recipe(tmp_path / "there" / "runs" / "a2b" / "train.toml")
    moved = {key: folder.resolve() for key, folder in recipe.folders.items()}
    assert moved == {"a": tmp_path / "there" / "day", "b": tmp_path / "there" / "night"}
    assert Path(recipe.settings["init"]).resolve() == tmp_path / "there" / "start.pth"


def test_a_recipe_may_begin_with_a_preset_and_change_it(tmp_path: Path):
    path = written(tmp_path / "mine.toml", 'preset = "small"\nngf = 16\nbatch_size = 2\nlearning-rate = 1\n')
    recipe = read_recipe(path)
    assert recipe.settings == {"ngf": 16, "crop": 128, "steps": 2000, "batch_size": 2, "learning_rate": 1}
    assert (recipe.folders, recipe.name) == ({}, None)
    assert read_recipe(written(path, 'preset = "small"\nepochs = 5\n')).settings == {
        "ngf": 32,
        "crop": 128,
        "epochs": 5,
    }


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("learning-rat = 1", "mine.toml: unknown key 'learning-rat'", "did you mean 'learning-rate'?"),
        ("batch_sise = 1", "mine.toml: unknown key 'batch_sise'", "did you mean 'batch-size'?"),
        ("ngf = 1.5", "mine.toml: 'ngf' must be a whole number, not 1.5", ""),
        ("ngf = true", "mine.toml: 'ngf' must be a whole number, not True", ""),
        ("ema-decay = '0.9'", "mine.toml: 'ema-decay' must be a number, not '0.9'", ""),
        ("name = 3", "mine.toml: 'name' must be a text, not 3", ""),
        ("preset = 'tiny'", "there is no preset 'tiny'", "known are: fast, paper, photo, small"),
        ("steps = 3\nepochs = 2", "mine.toml: 'steps' replaces 'epochs' and 'decay-epochs'", "leave either out"),
        ("steps = ", "mine.toml cannot be read: Invalid value (at end of document)", "it must be TOML"),
    ],
)
def test_what_a_recipe_cannot_mean_is_refused(tmp_path: Path, text: str, message: str, hint: str):
    with pytest.raises(UsageError) as refused:
        read_recipe(written(tmp_path / "mine.toml", text))
    assert refused.value.message.endswith(message)
    assert refused.value.hint.startswith(hint)


def test_a_recipe_that_is_not_there_is_a_sentence(tmp_path: Path):
    with pytest.raises(FilesError, match=r"the recipe .*gone\.toml cannot be read: No such file"):
        read_recipe(tmp_path / "gone.toml")
