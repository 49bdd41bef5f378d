"""``imgtrans models``: people see a table, pipes get lines, and nothing is lost by accident."""

import io
import json
import os
import re
import shutil
import sys
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from imgtrans.architectures.resnet import GeneratorResNet
from imgtrans.card import Card
from imgtrans.files import sha256_of
from imgtrans.places import home
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
        "tiny\tday into night\t0.04 MB\tyou",
    ]
    assert (ended.code, ended.err) == (0, "")


def test_the_list_on_a_terminal_has_a_header_and_says_where_models_come_from(
    cli: Cli, tiny: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shutil.copy(tiny.weights, tmp_path / "G_AB.safetensors")
    assert cli("models", "import", tmp_path / "G_AB.safetensors", "--name", "mine").code == 0
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    head, *rows = cli("models", "list").out.splitlines()
    assert head.split() == ["name", "turns", "size", "from"]
    assert [row[head.index("from") :] for row in rows] == ["imgtrans", "imported from G_AB.safetensors", "you"]
    assert all(row[head.index("size") - 2 : head.index("size")] == "  " for row in rows)


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
    assert ended.out.splitlines()[1].split("\t") == [
        "tiny",
        "\\x1b[31ma\\nfake\\tline into night",
        "0.04 MB",
        "two\\nlines\\x07",
    ]
    assert not {"\x1b", "\x07"} & {*cli("models", "info", "tiny").out}


# info


def test_info_leads_with_what_a_model_does_and_says_what_it_costs(cli: Cli, tiny: Model):
    ended = cli("models", "info", "tiny")
    assert (ended.code, ended.err) == (0, "")
    does, *told = ended.out.splitlines()
    assert does == "tiny turns day into night"
    assert told[0].split(maxsplit=1) == ["network", "resnet, 4 wide, 1 blocks"]
    costs, small, large, preview = told[-4:]
    assert costs.split(maxsplit=1) == ["costs", "8,739 parameters, 2.184 GMAC per megapixel"]
    assert re.fullmatch(r" *1 MP, seen at 1155x866: 0\.\d\d GB of memory( \(0\.\d\d GB if streamed\))?", small)
    assert re.fullmatch(r" *12 MP, seen at 4000x3000: \d\.\d\d GB of memory \(0\.\d\d GB if streamed\)", large)
    picture = Path(preview.split(maxsplit=1)[1])
    assert picture.is_relative_to(home())
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_card_is_there_for_whoever_asks_for_it(cli: Cli, tiny: Model):
    ended = cli("models", "info", "tiny", "--card")
    assert (ended.code, ended.err) == (0, "")
    assert tomllib.loads(ended.out) == tomllib.loads(tiny.card.to_toml())
    assert cli("models", "info", "tiny", "--card", "--measure").code == 2


def test_info_tells_what_the_working_size_and_native_take(cli: Cli, tiny: Model):
    (tiny.weights.parent / store.CARD_FILE).write_text(replace(tiny.card, working_size=512).to_toml())
    lines = cli("models", "info", "tiny").out.splitlines()
    assert [line.partition(":")[0].strip() for line in lines if " MP" in line] == [
        "1 MP, seen at 512x384",
        "12 MP, seen at 512x384",
        "1 MP with --size native, seen at 1155x866",
        "12 MP with --size native, seen at 4000x3000",
    ]


def test_info_as_json_is_one_object(cli: Cli, tiny: Model):
    told = json.loads(cli("models", "info", "tiny", "--json").out)
    assert told["sha256"] == tiny.card.sha256
    assert told["bundled"] is False
    assert (told["parameter_count"], told["problems"]) == (8739, [])
    assert Path(told["preview"]).exists()
    assert told["macs_per_megapixel"] == 2_184_000_000
    small, large = told["needs"]
    assert (small["megapixels"], small["width"], small["size"]) == (1, 1155, "auto")
    assert large["memory"] > 10 * small["memory"]
    assert large["memory_streamed"] < large["memory"] / 2  # a picture of 12 megapixels need not be there whole
    assert "seconds" not in small


def test_info_measures_the_seconds_if_asked(cli: Cli, tiny: Model):
    (tiny.weights.parent / store.CARD_FILE).write_text(replace(tiny.card, working_size=64).to_toml())
    lines = cli("models", "info", "tiny", "--measure", "--device", "cpu").out.splitlines()
    seconds = [re.split(r" GB of memory(?: \(.*\))?, ", line)[1] for line in lines if " MP" in line]
    assert all(re.fullmatch(r"(about )?[\d.e-]+ s on cpu in float32, prepared", text) for text in seconds)
    assert [text.startswith("about") for text in seconds] == [False, False, True, True]  # those are scaled up
    first, *_, last = json.loads(cli("models", "info", "tiny", "--measure", "--json").out)["needs"]
    assert 0 < first["seconds"] < last["seconds"]


def test_info_tells_what_is_known_of_a_model_whose_weights_are_broken(cli: Cli, tiny: Model):
    tiny.weights.write_bytes(b"no weights")
    ended = cli("models", "info", "tiny")
    assert ended.code == 3
    assert ended.out.startswith("tiny turns day into night\n")
    assert "8,739 parameters" in ended.out
    assert ended.err.startswith(f"error: {tiny.weights} is ")
    assert ended.err.count("error") == 1
    told = json.loads(cli("models", "info", "tiny", "--json").out)
    assert (told["parameter_count"], told["preview"]) == (8739, None)
    assert str(tiny.weights) in told["problems"][0]


def test_info_shows_a_card_that_is_no_networks(cli: Cli, tiny: Model):
    (tiny.weights.parent / store.CARD_FILE).write_text(replace(tiny.card, parameters={"channels": 3}).to_toml())
    ended = cli("models", "info", "tiny")
    assert ended.code == 3
    assert ended.out.startswith("tiny turns day into night\n")
    assert ended.err.startswith("error: the card of 'tiny' does not say what network it is")


def test_a_preview_that_cannot_be_written_is_no_fault_of_the_model(cli: Cli, tiny: Model):
    (home() / "previews").write_text("a file")
    ended = cli("models", "info", "tiny")
    assert ended.code == 0
    assert ended.err.startswith("warning: the preview cannot be written to ")


def test_info_of_a_checkpoint_says_what_network_it_is(cli: Cli, checkpoint: Path):
    card = tomllib.loads(cli("models", "info", checkpoint, "--card").out)
    assert (card["name"], card["architecture"]) == ("course", "resnet")
    assert card["parameters"].items() >= {"channels": 3, "ngf": 4, "blocks": 1, "upsampling": "nearest"}.items()


def test_info_of_something_else_says_what_it_is_and_what_can_be_read(cli: Cli, tmp_path: Path):
    (tmp_path / "page.pth").write_text("<html>404</html>")
    ended = cli("models", "info", tmp_path / "page.pth")
    assert (ended.code, ended.out) == (3, "")
    first, second = ended.err.splitlines()
    assert first == f"error: {tmp_path / 'page.pth'} is a web page, not a checkpoint; the download went wrong"
    assert second.startswith("  imgtrans reads safetensors files and PyTorch checkpoints")


def test_a_name_that_is_no_text_does_not_garble_the_error(cli: Cli, undecodable_name: str):
    ended = cli("models", "info", f"./\x1b[31m{undecodable_name}")
    assert ended.code == 3
    assert ended.err == "error: there is no file \\x1b[31mcaf\\udce9.png\n"


# import


def test_an_imported_checkpoint_is_in_the_zoo(cli: Cli, checkpoint: Path):
    ended = cli("models", "import", checkpoint, "--name", "mine", "--from", "day", "--to", "night", "--licence", "MIT")
    assert (ended.code, ended.out) == (0, "mine\n")
    first, *_, last = ended.err.splitlines()
    assert first == f"{checkpoint} is a resnet, as the deck spells it: channels 3, ngf 4, blocks 1"
    assert "\nassumed, as the file does not tell: norm=instance, " in ended.err
    assert ", head=tanh, residual_output=false, upsampling=nearest, " in ended.err
    assert last == "it is in the zoo as mine"
    model = find_model("mine")
    assert (model.card.source, model.card.target, model.card.licence) == ("day", "night", "MIT")
    checkpoint.unlink()  # the zoo has its own
    assert cli("models", "info", model.weights).code == 0


def test_an_audition_imports_nothing_and_ranks_what_the_file_may_be(cli: Cli, checkpoint: Path, tmp_path: Path):
    sheet = tmp_path / "sheet.png"
    ended = cli("models", "import", checkpoint, "--audition", sheet, "--assume", "padding=zero")
    assert (ended.code, ended.out) == (0, f"{sheet}\n")
    assert "nothing was imported" in ended.err
    assert "--assume padding=zero --assume head=sigmoid --assume value_range=0,1" in ended.err
    assert sheet.read_bytes().startswith(b"\x89PNG")
    assert not there("course")
    again = cli("models", "import", checkpoint, "--audition", sheet)
    assert (again.code, again.out) == (4, "")


def test_an_audition_as_json_has_a_line_for_each_reading(cli: Cli, checkpoint: Path, tmp_path: Path):
    ended = cli("models", "import", checkpoint, "--audition", tmp_path / "sheet.png", "--json")
    told = [json.loads(line) for line in ended.out.splitlines()]
    assert [one["rank"] for one in told] == list(range(1, len(told) + 1))
    assert {"activation": "gelu"} in [one["assume"] for one in told]


def test_an_import_that_looks_wrong_warns_and_says_what_to_do(cli: Cli, checkpoint: Path):
    ended = cli("models", "import", checkpoint, "--name", "mine", "--assume", "value_range=0,1")
    assert ended.code == 0
    assert "of the values lie outside the range" in ended.err
    assert "does not look right" in ended.err
    assert "--audition sheet.png" in ended.err


def test_an_import_as_json_is_the_models_card(cli: Cli, checkpoint: Path):
    ended = cli("models", "import", checkpoint, "--name", "mine", "--working-size", "640", "--json")
    assert json.loads(ended.out)["working_size"] == 640


@pytest.mark.parametrize(("name", "code"), [("tiny", 4), ("shipped", 4), ("../mine", 2), ("mine.pth", 2), ("-mine", 2)])
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


# verify


def test_verify_says_of_every_model_whether_it_is_as_it_was(cli: Cli, tiny: Model, bundled: Path):
    card = Card("shipped", "", "", "resnet", {}, sha256_of(bundled / "shipped" / store.WEIGHTS_FILE))
    (bundled / "shipped" / store.CARD_FILE).write_text(card.to_toml())
    assert cli("models", "verify") == Ended(0, "shipped\tok\t\ntiny\tok\t\n", "")
    tiny.weights.write_bytes(tiny.weights.read_bytes()[:-1])
    ended = cli("models", "verify")
    assert ended.code == 3
    assert ended.out == f"shipped\tok\t\ntiny\tdamaged\t{tiny.weights} is not the file that its card was written for\n"
    assert ended.err.startswith("error: 1 of 2 models are not what their cards say: tiny\n")


def test_verify_tells_broken_models_that_the_list_does_not_show(cli: Cli, tiny: Model):
    (tiny.weights.parent / store.CARD_FILE).write_text("name = 3")
    assert "\ntiny\tdamaged\t" in cli("models", "verify").out
    (tiny.weights.parent / store.CARD_FILE).unlink()
    assert "\ntiny\tmissing\t" in cli("models", "verify").out


def test_verify_takes_names(cli: Cli, tiny: Model):
    assert cli("models", "verify", "tiny", "tiny") == Ended(0, "tiny\tok\t\n", "")
    ended = cli("models", "verify", "shipped", "--json")
    assert ended.code == 3
    told = json.loads(ended.out)
    assert (told["name"], told["state"]) == ("shipped", "damaged")
    assert told["path"] in told["problem"]
    assert "did you mean tiny?" in cli("models", "verify", "tiney").err


# rename


def test_a_model_can_have_another_name(cli: Cli, tiny: Model):
    assert cli("models", "rename", "tiny", "night") == Ended(0, "night\n", "tiny is now night\n")
    assert there("night")
    assert not there("tiny")


def test_a_rename_as_json_is_the_model(cli: Cli, tiny: Model):
    told = json.loads(cli("models", "rename", "tiny", "night", "--json").out)
    assert (told["name"], told["renamed"], told["sha256"]) == ("night", "tiny", tiny.card.sha256)
    assert Path(told["path"]).exists()


@pytest.mark.parametrize(
    ("old", "new", "code"), [("tiny", "shipped", 4), ("tiny", "a/b", 2), ("shipped", "mine", 3), ("nobody", "mine", 3)]
)
def test_a_rename_that_cannot_be_is_refused(cli: Cli, tiny: Model, old: str, new: str, code: int):
    ended = cli("models", "rename", old, new)
    assert (ended.code, ended.out) == (code, "")
    assert ended.err.startswith("error: ")
    assert there("tiny")


# rm


def test_rm_with_yes_removes_without_a_question(cli: Cli, tiny: Model):
    assert cli("models", "rm", "tiny", "--yes") == Ended(0, "", "tiny is removed\n")
    assert not there("tiny")


class Terminal(io.StringIO):
    """Somebody who answers."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("answer", "code", "said", "left"),
    [("y\n", 0, "tiny is removed", False), ("n\n", 0, "nothing is removed", True), ("", 130, "stopped", True)],
)
def test_rm_asks_first(
    cli: Cli, tiny: Model, monkeypatch: pytest.MonkeyPatch, answer: str, code: int, said: str, left: bool
):
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    ended = cli("models", "rm", "tiny")
    assert ended.code == code
    assert ended.err.startswith(f"Remove tiny ({tiny.weights.parent})? [y/N]:")
    assert ended.err.endswith(f"{said}\n")
    assert there("tiny") == left
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("stdin", ["", "y\n"])
def test_rm_where_nobody_can_be_asked_needs_yes(cli: Cli, tiny: Model, monkeypatch: pytest.MonkeyPatch, stdin: str):
    monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
    assert cli("models", "rm", "tiny") == Ended(
        2, "", "error: nobody can be asked whether tiny may go\n  --yes removes without asking\n"
    )
    assert there("tiny")


def test_rm_removes_several_or_none(cli: Cli, tiny: Model):
    store.install(replace(tiny.card, name="other"), lambda path: shutil.copyfile(tiny.weights, path))
    assert cli("models", "rm", "tiny", "nobody", "--yes").code == 3
    assert there("tiny")
    assert cli("models", "rm", "tiny", "other", "tiny", "--yes").err == "tiny is removed\nother is removed\n"
    assert not there("tiny")
    assert not there("other")


@pytest.mark.parametrize(
    "arguments",
    [
        ["info", ""], ["import", ""], ["import", "x.pth", "--name", ""], ["import", "x.pth", "--name="], ["pull", ""],
        ["pull", "x", "--sha256", ""], ["rm", "", "--yes"], ["rename", "tiny", ""], ["verify", ""],
        ["export", "tiny", "--to", ""], ["export", "tiny", "--to", "pth", "-o", ""], ["list", ""],
    ],
)  # fmt: skip
def test_an_empty_argument_is_none(cli: Cli, tiny: Model, arguments: list[str]):
    ended = cli("models", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert " is empty\n" in ended.err
    assert there("tiny")


def test_a_list_of_many_models_is_cut(cli: Cli, tiny: Model):
    for number in range(12):
        store.install(replace(tiny.card, name=f"m{number:02}"), lambda path: shutil.copyfile(tiny.weights, path))
    ended = cli("models", "info", "nothing-like-it")
    assert ended.err.endswith(
        "models here: shipped, m00, m01, m02, m03, m04, m05, m06, m07, m08 and 4 more (imgtrans models list)\n"
    )


def test_rm_as_json_is_a_record_and_takes_the_preview_along(cli: Cli, tiny: Model):
    preview = json.loads(cli("models", "info", "tiny", "--json").out)["preview"]
    told = json.loads(cli("models", "rm", "tiny", "--yes", "--json").out)
    assert told == {"name": "tiny", "path": str(tiny.weights.parent), "removed": True}
    assert not Path(preview).exists()


def test_rm_does_not_remove_what_comes_with_imgtrans(cli: Cli, bundled: Path):
    ended = cli("models", "rm", "shipped", "--yes")
    assert (ended.code, ended.err) == (3, "error: 'shipped' comes with imgtrans and cannot be removed or renamed\n")
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
    assert json.loads(cli("models", "where", "tiny", "--json").out) == {
        "name": "tiny",
        "path": str(tiny.weights.parent),
    }
    assert json.loads(cli("models", "where", "--json").out) == {"name": None, "path": str(store.models_folder())}


def test_where_follows_the_variable(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("IMGTRANS_HOME", str(tmp_path / "elsewhere"))
    assert cli("models", "where").out == f"{tmp_path / 'elsewhere' / 'models'}{os.linesep}"


def test_a_model_with_a_broken_card_can_be_removed(cli: Cli, tiny: Model):
    (tiny.weights.parent / store.CARD_FILE).write_text("name = 3")
    assert cli("models", "rm", "tiny", "--yes") == Ended(0, "", "tiny is removed\n")
    assert not tiny.weights.parent.exists()


# export


def test_an_export_is_a_file_that_computes_the_same(cli: Cli, tiny: Model, tmp_path: Path):
    path = tmp_path / "tiny.pth"
    ended = cli("models", "export", "tiny", "--to", "pth", "-o", path)
    assert ended == Ended(
        0,
        f"{path}\n",
        f"{path} is tiny as pth in the layout of deck, in float32\n"
        "pictures go in as (N, 3, H, W) with values from -1 to 1, colours as RGB, and come out likewise; "
        "H and W are multiples of 4, at least 8\n"
        "largest difference from the model, 1 of 64x64: 0\n"
        "largest difference from the model, 2 of 128x96: 0\n",
    )
    assert cli("models", "info", path).code == 0


def test_an_export_to_onnx_says_what_imgtrans_has_to_say_and_no_more(cli: Cli, tiny: Model, tmp_path: Path):
    ended = cli("models", "export", "tiny", "--to", "onnx", "-o", tmp_path / "tiny.onnx", "--json")
    assert ended.code == 0
    assert len(ended.err.splitlines()) == 4
    told = json.loads(ended.out)
    assert (told["name"], told["to"], told["path"]) == ("tiny", "onnx", str(tmp_path / "tiny.onnx"))
    assert (told["multiple"], told["smallest"], told["value_range"]) == (4, 8, [-1, 1])
    assert told["largest_difference"] == max(size["largest"] for size in told["differences"]) < 1e-4
    assert [(size["batch"], size["height"], size["width"]) for size in told["differences"]] == [
        (1, 64, 64),
        (2, 96, 128),
    ]


def test_an_export_is_named_after_the_model_and_is_not_written_over(
    cli: Cli, tiny: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    assert cli("models", "export", "tiny", "--to", "safetensors").out == "tiny.safetensors\n"
    ended = cli("models", "export", "tiny", "--to", "safetensors")
    assert (ended.code, ended.out) == (4, "")
    assert "tiny.safetensors is there already" in ended.err
    assert cli("models", "export", "tiny", "--to", "safetensors", "--overwrite").code == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("--to", "tflite"), 2), (("--to", "pth", "--layout", "nobody's"), 2), (("--to", "onnx", "--layout", "deck"), 2)],
)
def test_an_export_that_cannot_be_is_refused_and_leaves_nothing(
    cli: Cli, tiny: Model, tmp_path: Path, arguments: tuple[str, ...], code: int
):
    ended = cli("models", "export", "tiny", *arguments, "-o", tmp_path / "file")
    assert (ended.code, ended.out) == (code, "")
    assert not (tmp_path / "file").exists()
