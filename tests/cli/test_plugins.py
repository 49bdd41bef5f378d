"""``imgtrans plugins`` says what is installed without loading it, and with --check what does not work."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import imgtrans
from imgtrans.registry import implementations
from tests.conftest import Ended

Cli = Callable[..., Ended]
Install = Callable[[str, str, str], None]

GOOD = """
class Backend:
    name = "good"
    def open(self, network, device, precision): ...
backend = Backend()
"""
BROKEN = "import a_library_that_nobody_has\n"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a package with one backend, for this process and those that it starts."""
    site = tmp_path / "site"
    site.mkdir()

    def install(package: str, name: str, source: str) -> None:
        module = package.replace("-", "_")
        info = site / f"{module}-1.5.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.5\n")
        (info / "entry_points.txt").write_text(f"[imgtrans.backends]\n{name} = {module}:backend\n")
        (site / f"{module}.py").write_text(source)
        monkeypatch.delitem(sys.modules, module, raising=False)

    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("PYTHONPATH", str(site))
    implementations.cache_clear()
    yield install
    implementations.cache_clear()


def listed(out: str) -> dict[tuple[str, str], dict[str, str]]:
    """Return the lines of ``--json`` by package and name."""
    return {(line["package"], line["name"]): line for line in map(json.loads, out.splitlines())}


def test_what_comes_with_imgtrans_is_listed_by_group(cli: Cli):
    ended = cli("plugins")
    assert (ended.code, ended.err) == (0, "")
    rows = [line.split("\t") for line in ended.out.splitlines()]
    version = imgtrans.__version__
    for row in (["architectures", "resnet"], ["backends", "eager"], ["executors", "local"]):
        assert [*row, "imgtrans", version, "installed"] in rows


def test_a_plugin_is_listed_with_package_and_version(cli: Cli, install: Install):
    install("imgtrans-good", "good", GOOD)
    ended = cli("plugins", "--json")
    assert listed(ended.out)["imgtrans-good", "good"] == {
        "group": "imgtrans.backends",
        "name": "good",
        "package": "imgtrans-good",
        "version": "1.5",
        "status": "installed",
        "reason": "",
    }
    assert "backends\tgood\timgtrans-good\t1.5\tinstalled\n" in cli("plugins").out


def test_listing_loads_nothing(cli: Cli, install: Install, tmp_path: Path):
    install("imgtrans-loud", "loud", f"open({str(tmp_path / 'loaded')!r}, 'w')")
    assert cli("plugins").code == 0
    assert not (tmp_path / "loaded").exists()


@pytest.mark.parametrize("arguments", [["plugins"], ["plugins", "--json"], ["plugins", "--help"]])
def test_listing_does_not_import_torch(install: Install, arguments: list[str]):
    install("imgtrans-heavy", "heavy", "import torch\n" + GOOD)
    program = (
        "import sys\nfrom imgtrans.__main__ import main\ntry:\n    main()\nexcept SystemExit as ended:\n"
        "    print(ended.code, sorted({'torch', 'numpy', 'rich'} & {*sys.modules}), file=sys.stderr)"
    )
    command = [sys.executable, "-c", program, *arguments]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120, env={**os.environ})
    assert ended.stderr == "0 []\n"
    assert ended.stdout


def test_a_name_that_is_taken_and_a_plugin_that_is_turned_off_are_known_at_once(
    cli: Cli, install: Install, monkeypatch: pytest.MonkeyPatch
):
    install("imgtrans-thief", "eager", GOOD)
    install("imgtrans-good", "good", GOOD)
    monkeypatch.setenv("IMGTRANS_PLUGINS", "imgtrans-thief")
    ended = cli("plugins", "--json")
    told = {key: (line["status"], line["reason"]) for key, line in listed(ended.out).items()}
    assert ended.code == 0
    assert told["imgtrans-thief", "eager"] == ("left out", "the name 'eager' is taken by imgtrans")
    assert told["imgtrans-good", "good"] == ("left out", "IMGTRANS_PLUGINS does not name it")
    assert told["imgtrans", "eager"] == ("installed", "")
    assert "left out: IMGTRANS_PLUGINS does not name it" in cli("plugins").out


def test_a_check_says_what_works_and_of_the_rest_why_not(cli: Cli, install: Install):
    install("imgtrans-bad", "bad", BROKEN)
    install("imgtrans-empty", "empty", "backend = None\n")
    install("imgtrans-good", "good", GOOD)
    ended = cli("plugins", "--check", "--json")
    told = {key: (line["status"], line["reason"]) for key, line in listed(ended.out).items()}
    assert told["imgtrans", "resnet"] == told["imgtrans-good", "good"] == ("works", "")
    missing = "ModuleNotFoundError: No module named 'a_library_that_nobody_has'"
    assert told["imgtrans-bad", "bad"] == ("broken", missing)
    assert told["imgtrans-empty", "empty"] == ("broken", "it is no Backend, whose name and open it lacks")
    assert ended.code == 5
    assert ended.err == (
        "error: imgtrans-bad, imgtrans-empty cannot be used\n  imgtrans goes on without; update or uninstall it\n"
    )


def test_a_check_of_what_works_is_exit_code_0(cli: Cli, install: Install):
    install("imgtrans-good", "good", GOOD)
    ended = cli("plugins", "--check")
    assert (ended.code, ended.err) == (0, "")
    assert {line.rpartition("\t")[2] for line in ended.out.splitlines()} == {"works"}
