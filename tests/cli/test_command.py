"""Mistakes are told in our words with the place that a value came from; help says everything in 80 columns."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from imgtrans.hardware import SEVERAL_DEVICES
from imgtrans.zoo.store import Model
from tests.cli.test_app import imported
from tests.conftest import Ended
from tests.pictures import save

Cli = Callable[..., Ended]
COMMANDS = ["run", "watch", "train", "status", "plugins"]
OF_MODELS = ["list", "info", "import", "pull", "catalogue", "verify", "rename", "rm", "export", "where"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a folder of pictures in it."""
    save(tmp_path / "photos" / "a.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


# Where a value came from

BAD = [
    ("size", "huge", "is 'huge'", "use auto, native or a number of pixels from 16 up"),
    ("device", "gpu", "is 'gpu', which is not a device", SEVERAL_DEVICES),
    ("format", "gif", "is 'gif'", "use keep, jpg, png, webp, avif or tiff"),
    ("memory", "4", "is 4, without a unit", "write 4GB, or 4MB"),
    ("shard", "4", "is '4'", "write it as 3/16, the third of sixteen, from 1/16 to 16/16"),
]  # fmt: skip


@pytest.mark.parametrize(("option", "value", "problem", "hint"), BAD)
def test_a_value_that_makes_no_sense_is_told_with_the_place_it_came_from(
    cli: Cli, tiny: Model, monkeypatch: pytest.MonkeyPatch, option: str, value: str, problem: str, hint: str
):
    told = f"{problem}\n  {hint}\n"
    assert cli("run", "photos", f"--{option}", value) == Ended(2, "", f"error: --{option} {told}")
    Path("imgtrans.toml").write_text(f'[run]\n{option} = "{value}"\n')
    assert cli("run", "photos") == Ended(2, "", f"error: imgtrans.toml: '{option}' in [run] {told}")
    monkeypatch.setenv(f"IMGTRANS_RUN_{option.upper()}", value)
    assert cli("run", "photos") == Ended(2, "", f"error: IMGTRANS_RUN_{option.upper()} {told}")


WRONG = [
    (["run", "photos"], "model", "nope", "there is no model called 'nope'"),
    (["run", "photos"], "scratch", "nowhere", "nowhere"),
    (["run", "photos"], "suffix", "a/b", "a/b"),
    (["run", "photos"], "report", "nowhere/report.json", "nowhere"),
    (["watch", "photos", "--once"], "model", "nope", "there is no model called 'nope'"),
    (["train", "--data", "set"], "ema_decay", "2", "must be at most 1, not 2.0"),
    (["train", "--data", "set"], "upsampling", "magic", "must be nearest or transpose, not magic"),
    (["train", "--data", "set"], "preset", "huge", "there is no preset 'huge'"),
    (["train"], "data", "nowhere", "nowhere"),
    (["train", "--data", "set"], "nproc", "0", "must be a number from 1 to 1024, not 0"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "option", "value", "told"), WRONG, ids=lambda value: str(value)[:12])
def test_every_error_about_a_value_names_the_variable_or_the_file_and_key_that_it_came_from(
    cli: Cli, tiny: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], option: str, value: str,
    told: str,
):  # fmt: skip
    shown = option.replace("_", "-")
    for place in ("set/trainA", "set/trainB"):
        save(Path(place) / "1.png", 40, 32)
    given = cli(*words, f"--{shown}", value)
    assert told in given.err and (given.code, given.out) == (cli(*words, f"--{shown}", value).code, "")
    variable = f"IMGTRANS_{words[0].upper()}_{option.upper()}"
    monkeypatch.setenv(variable, value)
    assert variable in cli(*words).err.splitlines()[0]
    monkeypatch.delenv(variable)
    if option == "report":
        return  # which a file may not set
    text = value if value.isdecimal() else f'"{value}"'
    (tmp_path / "mine.toml").write_text(f"[{words[0]}]\n{shown} = {text}\n")
    said = cli("--config", tmp_path / "mine.toml", *words)
    assert said.code == given.code
    assert f"mine.toml: '{shown}' in [{words[0]}]" in said.err.splitlines()[0]


def test_an_error_about_a_recipes_value_names_the_recipe(cli: Cli, tiny: Model):
    for place in ("set/trainA", "set/trainB"):
        save(Path(place) / "1.png", 40, 32)
    Path("train.toml").write_text("ema-decay = 2.0\n")
    said = cli("train", "--data", "set", "--recipe", "train.toml")
    assert (said.code, said.err.splitlines()[0]) == (
        2,
        "error: train.toml: 'ema-decay' must be at most 1, not 2.0",
    )


@pytest.mark.parametrize(
    ("command", "option", "value", "hint"),
    [
        ("run", "batch_size", "some", "use a whole number"),
        ("run", "quality", "high", "use a whole number"),
        ("run", "keep_gray", "perhaps", "use true or false"),
        ("watch", "settle", "soon", "use a number"),
        ("train", "learning_rate", "fast", "use a number"),
    ],
)
def test_a_value_of_the_wrong_kind_is_told_in_our_words(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, command: str, option: str, value: str, hint: str
):
    arguments = ["--data", "photos"] if command == "train" else ["photos"]
    if option != "keep_gray":
        shown = f"--{option.replace('_', '-')}"
        assert cli(command, *arguments, shown, value) == Ended(2, "", f"error: {shown} is {value!r}\n  {hint}\n")
    variable = f"IMGTRANS_{command.upper()}_{option.upper()}"
    monkeypatch.setenv(variable, value)
    assert cli(command, *arguments) == Ended(2, "", f"error: {variable} is {value!r}\n  {hint}\n")


def test_a_variable_that_sets_nothing_is_a_mistake_of_the_command_it_is_for(
    cli: Cli, tiny: Model, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("IMGTRANS_RUN_BATCHSIZE", "3")
    ended = cli("run", "photos", "--dry-run")
    assert ended == Ended(
        2,
        "",
        "error: the environment variable IMGTRANS_RUN_BATCHSIZE sets nothing\n"
        "  did you mean 'IMGTRANS_RUN_BATCH_SIZE'?\n",
    )
    assert cli("models", "list").code == 0
    assert cli("run", "--help").code == 0


def test_several_patterns_come_from_the_environment_with_spaces_between_and_from_the_file_as_a_list(
    cli: Cli, tiny: Model, monkeypatch: pytest.MonkeyPatch
):
    for name in ("b.jpg", "c.webp"):
        save(Path("photos", name))
    expected = "photos/a.png -> photos-tiny/a.png\nphotos/b.jpg -> photos-tiny/b.jpg\n"
    Path("imgtrans.toml").write_text('model = "tiny"\n[run]\ninclude = ["*.png", "*.jpg"]\n')
    assert cli("run", "photos", "--dry-run").out == expected
    Path("imgtrans.toml").write_text('model = "tiny"\n')
    monkeypatch.setenv("IMGTRANS_RUN_INCLUDE", "*.png *.jpg")
    assert cli("run", "photos", "--dry-run").out == expected


def test_the_configuration_file_stands_before_the_command(cli: Cli):
    for command in ("run", "watch"):
        hint = f"write it as imgtrans --config FILE {command} ..."
        error = f"error: --config stands before the command\n  {hint}\n"
        assert cli(command, "photos", "--config", "my.toml") == Ended(2, "", error)


# What is empty


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", ""], "what stands behind run is empty"),
        (["run", "photos", ""], "what stands behind photos is empty"),
        (["run", "photos", "-o", ""], "what stands behind -o is empty"),
        (["run", "photos", "--output="], "--output is empty"),
        (["run", "photos", "--suffix", ""], "what stands behind --suffix is empty"),
        (["watch", ""], "what stands behind watch is empty"),
        (["status", ""], "what stands behind status is empty"),
        (["train", "--data", ""], "what stands behind --data is empty"),
        (["models", "info", ""], "what stands behind info is empty"),
        (["models", "import", "", "--name", "x"], "what stands behind import is empty"),
        (["models", "rm", "tiny", ""], "what stands behind tiny is empty"),
        (["--config", "", "run", "photos"], "what stands behind --config is empty"),
        ([""], "the argument is empty"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_empty_is_a_mistake_everywhere(cli: Cli, tiny: Model, arguments: list[str], sentence: str):
    before = sorted(Path().rglob("*"))
    ended = cli(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.splitlines()[0] == f"error: {sentence}"
    assert sorted(Path().rglob("*")) == before


# Addresses, and standard input where there can be none


@pytest.mark.parametrize(
    ("address", "hint"),
    [
        ("ftp://example.org/a.jpg", "curl -L 'ftp://example.org/a.jpg' | imgtrans run - -o -"),
        ("file:///tmp/a.jpg", "| imgtrans run - -o -"),
        ("https://example.org/a.jpg", "imgtrans run reads it"),
        ("s3://bucket/photos", "imgtrans run reads it"),
    ],
)
def test_an_address_is_told_from_a_file_and_never_mangled(cli: Cli, tiny: Model, address: str, hint: str):
    elsewhere = [["run", address], ["run", "photos", "-o", address]] if hint.endswith("-o -") else []
    for arguments in (*elsewhere, ["watch", address]):
        ended = cli(*arguments, "-m", "tiny")
        shown = address.replace("file:///", "file://")
        assert (ended.code, ended.out) == (2, "")
        assert ended.err.startswith(f"error: {shown} is an address, and imgtrans reads and writes files\n")
        assert (hint in ended.err) == ("-o" not in arguments)
    assert [path.name for path in Path().iterdir()] == ["photos"]


@pytest.mark.parametrize("lying", [False, True])
def test_watch_takes_no_standard_input_and_output_whatever_lies_in_the_folder(cli: Cli, tiny: Model, lying: bool):
    if lying:
        Path("-").mkdir()
    for arguments in (["-"], ["photos", "-o", "-"]):
        ended = cli("watch", *arguments, "-m", "tiny")
        assert (ended.code, ended.out) == (2, "")
        assert ended.err.startswith("error: watch reads and writes folders, and - is none\n")
    assert Path("-").exists() == lying


# How soon


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--device", "gpu"], 2),
        (["--precision", "half"], 2),
        (["--model", "gone.pth"], 3),
        (["--memory", "4"], 2),
        (["--tiling", "quick"], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
@pytest.mark.parametrize("command", ["run", "watch"])
def test_a_mistake_is_told_before_pytorch_is_loaded_and_also_where_nothing_is_left_to_do(
    cli: Cli, tiny: Model, folder: Path, command: str, arguments: list[str], code: int
):
    assert cli("run", "photos", "-m", "tiny", "--device", "cpu").code == 0
    model = [] if arguments[0] == "--model" else ["-m", "tiny"]
    ended, heavy = imported(command, "photos", *model, *arguments, cwd=folder)
    assert (ended.code, ended.out) == (code, "")
    assert "torch" not in heavy


# Help


@pytest.mark.parametrize(
    "command", [[], ["models"], *([name] for name in COMMANDS), *(["models", n] for n in OF_MODELS)]
)
def test_help_is_whole_in_eighty_columns(cli: Cli, monkeypatch: pytest.MonkeyPatch, command: list[str]):
    monkeypatch.setenv("COLUMNS", "80")
    out = cli(*command, "--help").out
    assert max(map(len, out.splitlines())) <= 80
    assert not re.search(r"\.\.\.$", out.partition("\n")[2], re.MULTILINE)  # cut short
    assert not re.search(r"<\w|\{\w", out)  # the names that a parser has for types and arguments
    assert "env var" not in out


def test_help_says_once_how_options_are_set_otherwise(cli: Cli):
    for command, variable in (("run", "IMGTRANS_RUN_BATCH_SIZE"), ("watch", "IMGTRANS_WATCH_BATCH_SIZE")):
        out = " ".join(cli(command, "--help").out.split())
        assert out.count("IMGTRANS_") == 1
        assert f"in the environment, as {variable}, or in imgtrans.toml, as batch-size in [{command}]." in out
    assert "IMGTRANS" not in cli("status", "--help").out


def test_help_shows_choices_as_choices(cli: Cli):
    out = cli("run", "--help").out
    for option in (
        "--upsample guided|bicubic", "--precision auto|float32|bfloat16", "--format keep|jpg|png|webp|avif|tiff",
        "--alpha keep|flatten", "--frames all|first", "--depth 8|16", "--tiling auto|exact|off",
    ):  # fmt: skip
        assert option in out
    assert "Usage: imgtrans run [OPTIONS] [INPUTS...]\n" in out
    assert "Usage: imgtrans watch [OPTIONS] [INBOX]\n" in cli("watch", "--help").out
