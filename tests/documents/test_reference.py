"""The pages of commands and settings, the manual's page and that of exit codes are true of the program."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer.main

from imgtrans import __main__ as program
from imgtrans import config, errors, signals
from imgtrans.cli.app import app
from imgtrans.cli.command import settable
from tests.checkout import ROOT, script

DOCS = ROOT / "docs"
CODES = re.findall(r"^\| (\d+) \|", (DOCS / "exit-codes.md").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("name", ["commands.md", "settings.md", "imgtrans.1"])
def test_the_pages_are_what_the_commands_say_now(name: str) -> None:
    written = script("write_reference").written()[name]
    assert (DOCS / name).read_text(encoding="utf-8") == written, (
        "run scripts/write_reference, and commit what it writes"
    )


def context() -> Any:
    return typer.main.get_command(app).make_context("imgtrans", [], resilient_parsing=True)


@pytest.mark.parametrize("command", ["run", "watch", "train"])
def test_each_variable_of_the_page_of_settings_is_read_and_none_is_missing(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (DOCS / "settings.md").read_text(encoding="utf-8")
    inner = settable(context())[command]
    told = set(re.findall(rf"`(IMGTRANS_{command.upper()}_\w+)`", page))
    parameters = {one.name: one for one in inner.params if one.param_type_name == "option"}
    assert told == {f"IMGTRANS_{command.upper()}_{name.upper()}" for name in parameters if name != "help"}
    made = type(context())(inner, info_name=command, parent=context())
    for name in told:
        monkeypatch.setenv(name, "1")
        parameter = parameters[name.removeprefix(f"IMGTRANS_{command.upper()}_").lower()]
        assert parameter.value_from_envvar(made) is not None, name


def test_what_a_file_in_the_working_folder_may_not_set_is_all_named() -> None:
    page = (DOCS / "settings.md").read_text(encoding="utf-8")
    (told,) = re.findall(r"working folder cannot set (.*): it may", page)
    assert {name.strip("` ") for name in told.split(",")} == {
        name.replace("_", "-") for name in config.NOT_FROM_WORKING_FOLDER
    }


def test_every_exit_code_of_the_program_is_explained_and_no_other() -> None:
    def below(kind: type[errors.ImgtransError]) -> set[int]:
        return {kind.exit_code}.union(*(below(one) for one in kind.__subclasses__()))

    others = {program.BUG, program.BROKEN_PIPE, signals.INTERRUPTED, signals.TERMINATED, signals.HUNG_UP}
    assert sorted(map(int, CODES)) == sorted({0} | below(errors.ImgtransError) | others)


@pytest.mark.skipif(not shutil.which("groff"), reason="there is no groff")
def test_the_manual_page_is_clean_and_names_every_command() -> None:
    page = DOCS / "imgtrans.1"
    done = subprocess.run(["groff", "-man", "-ww", "-Tutf8", page], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    plain = re.sub(r"\x1b\[[\d;]*m|.\x08", "", done.stdout)
    for name in ("imgtrans run", "imgtrans models import", "EXIT STATUS", "IMGTRANS_HOME"):
        assert name in plain


def test_the_version_stands_in_one_place(cli: Any) -> None:
    import imgtrans

    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'dynamic = ["version"]' in pyproject
    assert not re.search(r'^version = "', pyproject, re.MULTILINE)
    assert cli("version").out == f"imgtrans {imgtrans.__version__}\n"
    kept = [path for path in Path(imgtrans.__file__).parent.rglob("*.py") if imgtrans.__version__ in path.read_text()]
    assert [path.name for path in kept] == ["__init__.py"]
