"""``imgtrans models``: people see a table, pipes get lines, and nothing is lost by accident."""

import io
import json
import os
import sys
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from imgtrans.architectures.resnet import GeneratorResNet
from imgtrans.card import Card
from imgtrans.zoo import store
from imgtrans.zoo.loading import find_model
from imgtrans.zoo.store import Model
from tests.conftest import Ended

Cli = Callable[..., Ended]


@pytest.fixture(autouse=True)
def bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of bundled models with one in it, ``shipped``."""
    folder = tmp_path / "bundled"
    (folder / "shipped").mkdir(parents=True)
    (folder / "shipped" / store.WEIGHTS_FILE).write_bytes(bytes(1_500_000))
    card = Card("shipped", "summer", "winter", "resnet", {"channels": 3}, "00")
    (folder / "shipped" / store.CARD_FILE).write_text(card.to_toml())
    monkeypatch.setattr(store, "_BUNDLED", folder)
    return folder


@pytest.fixture
def checkpoint(tiny_network: GeneratorResNet, tmp_path: Path) -> Path:
    torch.save(tiny_network.state_dict(), tmp_path / "course.pth")
    return tmp_path / "course.pth"


def there(name: str) -> bool:
    return name in [model.name for model in store.models()]


# list


def test_the_list_in_a_pipe_is_a_line_for_each_model(cli: Cli, tiny: Model):
    ended = cli("models", "list")
    assert ended.out.splitlines() == [
        "shipped\tsummer into winter\t1.5 MB\timgtrans",
        "tiny\tday into night\t0.0 MB\tyou",
    ]
    assert (ended.code, ended.err) == (0, "")


def test_the_list_as_json_is_an_object_for_each_model(cli: Cli, tiny: Model):
    first, second = map(json.loads, cli("models", "list", "--json").out.splitlines())
    assert (first["name"], first["bundled"], first["target"]) == ("shipped", True, "winter")
    assert (second["name"], second["bundled"], second["parameters"]["ngf"]) == ("tiny", False, 4)
    assert Path(second["path"]) == tiny.weights


def test_a_model_whose_weights_are_missing_is_listed_as_such(cli: Cli, tiny: Model):
    tiny.weights.unlink()
    assert cli("models", "list").out.splitlines()[1] == "tiny\tday into night\tmissing\tyou"


def test_a_broken_card_does_not_spoil_the_list(cli: Cli, tiny: Model):
    (tiny.weights.parent / store.CARD_FILE).write_text("name = 3")
    assert len(cli("models", "list").out.splitlines()) == 1
    ended = cli("models", "info", "tiny")
    assert ended.code == 3
    assert "is not a readable model card" in ended.err


def test_what_a_card_says_cannot_forge_lines_or_colours(cli: Cli, tiny: Model):
    card = replace(tiny.card, source="\x1b[31ma\nfake\tline", provenance="two\nlines\x07")
    (tiny.weights.parent / store.CARD_FILE).write_text(card.to_toml())
    ended = cli("models", "list")
    assert ended.out.splitlines()[1].split("\t") == ["tiny", "\\x1b[31ma\\nfake\\tline into night", "0.0 MB", "you"]
    assert not {"\x1b", "\x07"} & {*cli("models", "info", "tiny").out}


# info


def test_info_prints_the_card_as_toml_and_where_the_weights_are(cli: Cli, tiny: Model):
    ended = cli("models", "info", "tiny")
    assert tomllib.loads(ended.out) == tomllib.loads(tiny.card.to_toml())
    assert ended.out.splitlines()[-1] == f"# {tiny.weights}"
    assert (ended.code, ended.err) == (0, "")


def test_info_as_json_is_one_object(cli: Cli, tiny: Model):
    card = json.loads(cli("models", "info", "tiny", "--json").out)
    assert card["sha256"] == tiny.card.sha256
    assert card["bundled"] is False


def test_info_of_a_checkpoint_says_what_network_it_is(cli: Cli, checkpoint: Path):
    card = tomllib.loads(cli("models", "info", checkpoint).out)
    assert (card["name"], card["architecture"]) == ("course", "resnet")
    assert card["parameters"] == {"channels": 3, "ngf": 4, "blocks": 1, "upsampling": "nearest"}


def test_info_of_something_else_says_what_it_is_and_what_can_be_read(cli: Cli, tmp_path: Path):
    (tmp_path / "page.pth").write_text("<html>404</html>")
    ended = cli("models", "info", tmp_path / "page.pth")
    assert (ended.code, ended.out) == (3, "")
    first, second = ended.err.splitlines()
    assert first == f"error: {tmp_path / 'page.pth'} is a web page, not a checkpoint; the download went wrong"
    assert second.startswith("  imgtrans reads safetensors files and PyTorch state dicts")


def test_a_name_that_is_no_text_does_not_garble_the_error(cli: Cli, undecodable_name: str):
    ended = cli("models", "info", f"./\x1b[31m{undecodable_name}")
    assert ended.code == 3
    assert ended.err == "error: there is no file \\x1b[31mcaf\\udce9.png\n"


# import


def test_an_imported_checkpoint_is_in_the_zoo(cli: Cli, checkpoint: Path):
    ended = cli("models", "import", checkpoint, "--name", "mine", "--from", "day", "--to", "night", "--licence", "MIT")
    assert (ended.code, ended.out) == (0, "mine\n")
    assert ended.err == (
        f"{checkpoint} is a resnet (channels 3, ngf 4, blocks 1, upsampling nearest); it is in the zoo as mine\n"
    )
    model = find_model("mine")
    assert (model.card.source, model.card.target, model.card.licence) == ("day", "night", "MIT")
    checkpoint.unlink()  # the zoo has its own
    assert cli("models", "info", model.weights).code == 0


def test_an_import_as_json_is_the_models_card(cli: Cli, checkpoint: Path):
    ended = cli("models", "import", checkpoint, "--name", "mine", "--working-size", "640", "--json")
    assert json.loads(ended.out)["working_size"] == 640


@pytest.mark.parametrize(
    ("name", "code"), [("tiny", 4), ("shipped", 4), ("../mine", 2), ("mine.pth", 2), ("", 2), ("-mine", 2)]
)
def test_a_name_that_is_taken_or_none_is_refused(cli: Cli, tiny: Model, checkpoint: Path, name: str, code: int):
    ended = cli("models", "import", checkpoint, f"--name={name}")
    assert (ended.code, ended.out) == (code, "")
    assert ended.err.startswith("error: ")
    assert [path.name for path in store.models_folder().iterdir()] == ["tiny"]


def test_a_malicious_checkpoint_is_refused_and_not_run(cli: Cli, tmp_path: Path):
    class Malicious:
        def __reduce__(self) -> tuple[object, ...]:
            return open, (str(tmp_path / "made"), "w")

    torch.save(Malicious(), tmp_path / "evil.pth")
    ended = cli("models", "import", tmp_path / "evil.pth", "--name", "mine")
    assert ended.code == 3
    assert "loading it would run code" in ended.err
    assert not (tmp_path / "made").exists()
    assert not there("mine")


# rm


def test_rm_with_yes_removes_without_a_question(cli: Cli, tiny: Model):
    assert cli("models", "rm", "tiny", "--yes") == Ended(0, "", "tiny is removed\n")
    assert not there("tiny")


@pytest.mark.parametrize(("answer", "code", "left"), [("y\n", 0, False), ("n\n", 130, True), ("", 130, True)])
def test_rm_asks_first(cli: Cli, tiny: Model, monkeypatch: pytest.MonkeyPatch, answer: str, code: int, left: bool):
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    ended = cli("models", "rm", "tiny")
    assert ended.code == code
    assert ended.err.startswith(f"Remove tiny ({tiny.weights.parent})? [y/N]:")
    assert there("tiny") == left
    assert "Traceback" not in ended.err


def test_rm_does_not_remove_what_comes_with_imgtrans(cli: Cli, bundled: Path):
    ended = cli("models", "rm", "shipped", "--yes")
    assert (ended.code, ended.err) == (3, "error: 'shipped' comes with imgtrans and cannot be removed\n")
    assert there("shipped")


def test_rm_of_a_model_that_is_not_there_suggests_one_that_is(cli: Cli, tiny: Model):
    ended = cli("models", "rm", "tiney", "--yes")
    assert ended.code == 3
    assert "did you mean tiny?" in ended.err


# where


def test_where_prints_the_folder_of_the_zoo_or_of_a_model(cli: Cli, tiny: Model, bundled: Path):
    assert cli("models", "where").out == f"{store.models_folder()}\n"
    assert cli("models", "where", "tiny").out == f"{tiny.weights.parent}\n"
    assert cli("models", "where", "shipped").out == f"{bundled / 'shipped'}\n"
    assert cli("models", "where", "nobody").code == 3


def test_where_follows_the_variable(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("IMGTRANS_HOME", str(tmp_path / "elsewhere"))
    assert cli("models", "where").out == f"{tmp_path / 'elsewhere' / 'models'}{os.linesep}"


def test_a_model_with_a_broken_card_can_be_removed(cli: Cli, tiny: Model):
    (tiny.weights.parent / store.CARD_FILE).write_text("name = 3")
    assert cli("models", "rm", "tiny", "--yes") == Ended(0, "", "tiny is removed\n")
    assert not tiny.weights.parent.exists()
