"""Help that helps: groups, examples that are true, and what the Tab key offers."""

import inspect
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from imgtrans.batch.asked import GROUPS, SERVICE, SOURCES, Request, described
from imgtrans.cli import complete
from imgtrans.cli.app import app
from imgtrans.watching.conduct import Conduct
from imgtrans.zoo.store import Model


def commands() -> Iterator[tuple[str, Any]]:
    """Yield every command with its full name."""

    def below(name: str, command: Any) -> Iterator[tuple[str, Any]]:
        for sub, inner in getattr(command, "commands", {}).items():
            yield from below(f"{name} {sub}", inner)
        if not hasattr(command, "commands"):
            yield name, command

    yield from below("imgtrans", typer.main.get_command(app))


def examples(command: Any) -> list[str]:
    text = inspect.cleandoc(command.help or "")
    return [line.strip() for line in text.partition("Examples:\n")[2].splitlines() if line.strip()]


@pytest.mark.parametrize(("name", "command"), [(n, c) for n, c in commands() if examples(c)])
def test_every_example_is_a_command_line_that_is_understood(name: str, command: Any):
    root = typer.main.get_command(app)
    for line in examples(command):
        words = shlex.split(line.split("|")[-1].split(">")[0])
        assert " ".join(words).startswith(name)
        context = root.make_context("imgtrans", words[1:])
        inner, found, rest = context.command.resolve_command(context, context._protected_args + context.args)
        while hasattr(found, "commands"):
            _, found, rest = found.resolve_command(context, rest)
        found.make_context(inner, rest, parent=context)


@pytest.mark.parametrize("name", [name for name, _ in commands()])
def test_every_command_has_examples_at_the_end_of_its_help(cli: Any, name: str):
    said = cli(*name.split()[1:], "--help").out
    assert said.split("\nExamples:\n")[1].lstrip().startswith(name)


@pytest.mark.parametrize(("name", "command"), [*commands()])
def test_what_is_one_of_a_few_is_shown_as_choices(name: str, command: Any):
    for option in command.params:
        told = re.match(r"((?:[\w.-]+, )+[\w.-]+ or [\w.-]+)\.", option.help or "")
        assert not told or option.metavar or option.is_flag, (name, option.name)


def test_options_are_listed_in_groups(cli: Any):
    for name, others in (("watch", set[str]()), ("run", {SOURCES, SERVICE})):
        said = cli(name, "--help").out
        places = [said.index(f"\n{group}:\n") for group in GROUPS if group not in others]
        assert places == sorted(places)
        assert not any(f"\n{group}:\n" in said for group in others)
    assert "\nOptions:\n" not in said
    speed = said[said.index("Speed and memory:") : said.index("Several machines:")]
    assert "--batch-size" in speed
    assert "--size " not in speed


def test_every_field_is_in_one_of_the_groups():
    assert {option.group for kind in (Request, Conduct) for _, option in described(kind).values()} <= {*GROUPS}


def test_no_default_is_a_number_that_means_something_else(cli: Any):
    for name in ("run", "watch"):
        assert "[default: 0]" not in cli(name, "--help").out.replace("\n", " ")
    for name, _ in commands():
        assert not re.search(r"\b0 (is (any|all|no limit)|means)\b", cli(*name.split()[1:], "--help").out), name
    assert "0 is all" not in cli("run", "--help").out


def offered(tmp_path: Path, *words: str) -> list[str]:
    """Return what bash would be offered for the last word, in a process of its own, and assert that torch stays out."""
    script = (
        "import sys, runpy; sys.argv = ['imgtrans']\n"
        "try:\n    from imgtrans.__main__ import main; main()\n"
        "finally:\n    assert not {'torch', 'numpy', 'rich'} & {*sys.modules}\n"
    )
    environment = os.environ | {
        "_IMGTRANS_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(("imgtrans", *words)),
        "COMP_CWORD": str(len(words)),
    }
    ended = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert ended.stderr == ""
    return ended.stdout.split()


def test_names_of_models_devices_formats_and_runs_are_offered(tiny: Model, tmp_path: Path):
    (tmp_path / "runs" / "horses").mkdir(parents=True)
    assert offered(tmp_path, "run", "--model", "t") == ["tiny"]
    assert offered(tmp_path, "run", "--device", "cu") == ["cuda", "cuda:0"]
    assert offered(tmp_path, "run", "--format", "") == ["keep", "jpg", "png", "webp", "avif", "tiff"]
    assert offered(tmp_path, "run", "--backend", "p") == ["prepared"]
    assert offered(tmp_path, "train", "--name", "h") == ["horses"]
    assert offered(tmp_path, "models", "info", "ti") == ["tiny"]


def test_of_several_models_the_last_is_completed(tiny: Model):
    assert complete.models("summer2winter,ti") == ["summer2winter,tiny"]
