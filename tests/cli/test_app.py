"""The program as a whole: its exit codes, its one handler of errors, and what it does not import."""

import errno
import json
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

import imgtrans
from imgtrans.errors import (
    FilesError,
    ImageError,
    ImgtransError,
    ModelError,
    UnavailableError,
    UsageError,
)
from imgtrans.registry import PluginWarning
from imgtrans.zoo import store
from imgtrans.zoo.store import Model
from tests.conftest import Ended
from tests.pictures import save

Cli = Callable[..., Ended]


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Make ``models list`` end in an exception."""

    def fail(error: BaseException) -> None:
        def models() -> None:
            raise error

        monkeypatch.setattr(store, "models", models)

    return fail


def start(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    """Run ``python -m imgtrans`` in a process of its own."""
    command = [sys.executable, "-m", "imgtrans", *map(str, arguments)]
    return subprocess.run(command, check=False, **{"capture_output": True, "text": True, "timeout": 120, **options})  # type: ignore[call-overload, no-any-return]


# What everybody tries first


def test_the_version_is_a_result(cli: Cli):
    assert cli("--version") == Ended(0, f"imgtrans {imgtrans.__version__}\n", "")


def test_it_runs_as_a_module():
    ended = start("--version")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"imgtrans {imgtrans.__version__}\n", "")


@pytest.mark.parametrize("command", [(), ("run",), ("watch",), ("train",), ("models",), ("models", "import")])
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_is_a_result(cli: Cli, command: tuple[str, ...], option: str):
    ended = cli(*command, option)
    assert (ended.code, ended.err) == (0, "")
    assert "Usage: imgtrans" in ended.out
    assert "\x1b" not in ended.out


def test_help_names_every_command(cli: Cli):
    out = cli("--help").out
    for command in ("run", "watch", "train", "models"):
        assert f" {command} " in out


# Errors


@pytest.mark.parametrize(
    ("arguments", "sentence", "hint"),
    [
        (["nonsense"], "No such command 'nonsense'", "try imgtrans --help"),
        (["models", "lsit"], "No such command 'lsit'", "try imgtrans models --help"),
        (["run"], "there is nothing to translate", "name pictures or folders, or a list with --files-from"),
        (["run", "photos", "--nonsense"], "--nonsense", "try imgtrans run --help"),
        (["run", "photos", "--batch-size", "some"], "--batch-size is 'some'", "use a whole number"),
        (["models", "rename", "net"], "Missing argument", "try imgtrans models rename --help"),
    ],
)
def test_a_command_line_that_cannot_be_understood_is_one_line_and_a_hint(
    cli: Cli, arguments: list[str], sentence: str, hint: str
):
    ended = cli(*arguments)
    assert (ended.code, ended.out) == (2, "")
    first, second = ended.err.splitlines()
    assert first.startswith("error: ")
    assert sentence in first
    assert second == f"  {hint}"


def test_no_command_at_all_is_answered_with_the_three_things_people_do(cli: Cli):
    ended = cli()
    assert (ended.code, ended.err) == (0, "")
    for line in (
        "imgtrans run photos/ --model summer2winter ",
        "imgtrans watch inbox/ ",
        "imgtrans train --data ./dataset ",
    ):
        assert f"  {line}" in ended.out
    assert len(ended.out.splitlines()) < 10


def test_help_on_a_command_is_what_the_command_says_itself(cli: Cli):
    assert cli("help").out == cli("--help").out
    assert cli("help", "run").out == cli("run", "--help").out
    assert cli("help", "models", "import").out == cli("models", "import", "--help").out


def test_help_on_no_command_is_refused(cli: Cli):
    ended = cli("help", "models", "buy")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: there is no command 'models buy'")


def test_the_version_has_three_names(cli: Cli):
    assert cli("version").out == cli("--version").out == cli("-V").out == f"imgtrans {imgtrans.__version__}\n"


def test_an_error_is_one_line_and_a_hint(cli: Cli, tiny: Model):
    ended = cli("models", "info", "tny")
    assert (ended.code, ended.out) == (3, "")
    first, second = ended.err.splitlines()
    assert first == "error: there is no model called 'tny'"
    assert second.startswith("  did you mean tiny? models here: ")


@pytest.mark.parametrize(
    ("error", "code"),
    [(ImageError, 1), (UsageError, 2), (ModelError, 3), (FilesError, 4), (UnavailableError, 5), (ImgtransError, 70)],
)
def test_each_kind_of_error_has_its_exit_code(
    cli: Cli, failing: Callable[[BaseException], None], error: type[ImgtransError], code: int
):
    failing(error("it went wrong", "mend it"))
    assert cli("models", "list") == Ended(code, "", "error: it went wrong\n  mend it\n")
    failing(error("it went wrong"))
    assert cli("models", "list") == Ended(code, "", "error: it went wrong\n")


def test_a_bug_says_so_shows_where_and_exits_with_70(cli: Cli, failing: Callable[[BaseException], None]):
    failing(ZeroDivisionError("division by zero"))
    ended = cli("models", "list")
    assert (ended.code, ended.out) == (70, "")
    assert ended.err.startswith("Traceback (most recent call last):")
    assert ended.err.splitlines()[-2:] == [
        "error: this is a bug in imgtrans: ZeroDivisionError('division by zero')",
        "  please report it with the lines above",
    ]


def test_ctrl_c_exits_with_130_and_without_a_traceback(cli: Cli, failing: Callable[[BaseException], None]):
    failing(KeyboardInterrupt())
    ended = cli("models", "list")
    assert (ended.code, ended.out) == (130, "")
    assert "Traceback" not in ended.err


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_sigterm_exits_with_143_and_without_a_traceback(cli: Cli, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(store, "models", lambda: signal.raise_signal(signal.SIGTERM))
    assert cli("models", "list") == Ended(143, "", "")


@pytest.mark.parametrize("kind", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_an_error_about_files_and_no_bug(cli: Cli, failing: Callable[[BaseException], None], kind: int):
    descriptor = os.dup(1)
    try:
        failing(OSError(kind, "No space left on device", "/photos/a.jpg"))
        assert cli("models", "list") == Ended(4, "", "error: the disk is full (/photos/a.jpg)\n")
    finally:
        os.dup2(descriptor, 1)
        os.close(descriptor)


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="there is no /dev/full here")
def test_results_that_cannot_be_written_are_an_error():
    with Path("/dev/full").open("w") as full:
        ended = start("models", "where", stdout=full, stderr=subprocess.PIPE, capture_output=False)
    assert (ended.returncode, ended.stderr) == (4, "error: the disk is full (while printing)\n")


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="there is no /dev/full here")
def test_messages_that_cannot_be_written_stop_nothing(tmp_path: Path, tiny: Model):
    picture = save(tmp_path / "a.png")
    with Path("/dev/full").open("w") as full:
        options = {"stdout": subprocess.PIPE, "stderr": full, "capture_output": False}
        ended = start("run", picture, "-o", tmp_path / "out", "--model", "tiny", "--device", "cpu", **options)
        assert (ended.returncode, (tmp_path / "out" / "a.png").is_file()) == (0, True)
        assert start("run", tmp_path / "missing.png", **options).returncode == 4
        assert start("run", "--no-such-option", **options).returncode == 2


@pytest.mark.skipif(os.name == "nt", reason="POSIX pipes")
@pytest.mark.parametrize("arguments", [("models", "where"), ("models", "list", "--json"), ("--help",)])
def test_a_reader_that_has_gone_away_ends_the_program_quietly(tiny: Model, arguments: tuple[str, ...]):
    read, write = os.pipe()
    os.close(read)
    try:
        ended = start(*arguments, stdout=write, stderr=subprocess.PIPE, capture_output=False)
    finally:
        os.close(write)
    assert (ended.returncode, ended.stderr) == (141, "")


# Plugins


def test_a_plugins_warning_is_one_plain_line(cli: Cli, monkeypatch: pytest.MonkeyPatch):
    def models() -> list[Model]:
        warnings.warn("plugin bad is left out:\n ImportError: no", PluginWarning, stacklevel=1)
        return []

    monkeypatch.setattr(store, "models", models)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        ended = cli("models", "list")
    assert ended == Ended(0, "", "warning: plugin bad is left out: ImportError: no\n")


# How the process ends

LAST_THINGS = """
import atexit, sys, threading, time, types

class Loaded(types.ModuleType):
    def __del__(self):
        print("taken apart", flush=True)

sys.modules[sys.argv.pop(1)] = Loaded("large")
atexit.register(print, "put in order")
threading.Thread(target=lambda: (time.sleep(0.2), print("finished"))).start()
from imgtrans.__main__ import program
program()
"""


@pytest.mark.parametrize(
    ("loaded", "arguments", "code", "said"),
    [
        ("torch", ["--version"], 0, ["finished", "put in order"]),
        ("torch", ["nonsense"], 2, ["finished", "put in order"]),
        ("small", ["--version"], 0, ["finished", "put in order", "taken apart"]),
    ],
)
def test_what_is_to_be_done_at_the_end_is_done_and_pytorch_is_not_taken_apart(
    loaded: str, arguments: list[str], code: int, said: list[str]
):
    command = [sys.executable, "-c", LAST_THINGS, loaded, *arguments]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert ended.returncode == code
    assert [line for line in ended.stdout.splitlines() if not line.startswith("imgtrans")] == said


# What is imported, and when

WITHOUT_TORCH = """
import json, sys
from imgtrans.__main__ import main
try:
    main()
except SystemExit as ended:
    heavy = {"torch", "torchvision", "safetensors", "numpy", "rich", "httpx"} & {*sys.modules}
    print(json.dumps([ended.code, sorted(heavy)]), file=sys.stderr)
"""


def imported(*arguments: object, cwd: Path | None = None) -> tuple[Ended, list[str]]:
    """Return how a command ended in a process of its own, and which heavy packages it imported."""
    command = [sys.executable, "-c", WITHOUT_TORCH, *map(str, arguments)]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, cwd=cwd, timeout=120)
    *err, last = ended.stderr.splitlines(keepends=True)
    code, heavy = json.loads(last)
    return Ended(code, ended.stdout, "".join(err)), heavy


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["run", "--help"], 0),
        (["train", "--help"], 0),
        (["watch", "--help"], 0),
        (["--version"], 0),
        (["models", "list"], 0),
        (["models", "list", "--json"], 0),
        (["models", "where"], 0),
        (["models", "catalogue"], 0),
        (["run", "photos", "--model", "horse2zebra"], 3),
        (["models", "rm", "tiny", "--yes"], 0),
        (["models", "info", "nobody"], 3),
        (["run", "photos", "--model", "tiny", "--dry-run", "--include", "*.jpg"], 0),
        (["run", "gone", "--model", "tiny"], 4),
        (["run", "photos", "--model", "nobody"], 3),
        (["nonsense"], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_torch_is_not_imported_for(tiny: Model, tmp_path: Path, arguments: list[str], code: int):
    save(tmp_path / "photos" / "a.png")
    ended, heavy = imported(*arguments, cwd=tmp_path)
    runs = arguments[0] == "run" and arguments != ["run", "--help"]  # planning looks at pictures
    assert ended.code == code
    speaks = runs or code or arguments[1:2] == ["rm"]  # to a person, for whom rich is loaded
    assert {*heavy} <= ({"numpy"} if runs else set()) | ({"rich"} if speaks else set())


def test_torch_is_not_imported_when_there_is_nothing_left_to_do(cli: Cli, tiny: Model, tmp_path: Path):
    save(tmp_path / "photos" / "a.png")
    assert cli("run", tmp_path / "photos", "--model", "tiny").code == 0
    ended, heavy = imported("run", "photos", "--model", "tiny", cwd=tmp_path)
    assert (ended.code, heavy) == (0, ["rich"])
    assert ended.err.startswith("nothing to do: 1 done before")


@pytest.fixture
def bad_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package whose architecture cannot be loaded."""
    site = tmp_path / "site"
    info = site / "imgtrans_bad-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: imgtrans-bad\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[imgtrans.architectures]\nunet = imgtrans_bad:architecture\n")
    (site / "imgtrans_bad.py").write_text("import a_library_that_nobody_has\n")
    monkeypatch.setenv("PYTHONPATH", str(site))


def test_an_installed_plugin_that_is_broken_stops_nothing(bad_plugin: None, tiny_weights: Path):
    ended, heavy = imported("models", "info", tiny_weights)
    reason = "ModuleNotFoundError: No module named 'a_library_that_nobody_has'"
    assert ended.code == 0
    assert ended.err == f"warning: plugin imgtrans-bad is left out: {reason}\n"
    assert "\n  network     resnet, " in ended.out
    assert "torch" in heavy  # here it is needed, and seen by these tests
