"""Objectives with faults: the training ends with whose it is, and no bug of imgtrans's."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Ended
from tests.isolation.conftest import Install
from tests.pictures import save

Cli = Callable[..., Ended]

PAGE = Path(__file__).parent.parent.parent / "docs" / "plugins.md"
FOUND = (
    re.search(r"```python\n(import torch\n.*?class Unbound:.*?)```", PAGE.read_text(), re.DOTALL)
    if PAGE.is_file()
    else None
)
pytestmark = pytest.mark.skipif(FOUND is None, reason="needs docs/plugins.md")
WHOLE = f"{FOUND[1]}\nmade = Unbound\n" if FOUND else ""
TINY = ["--steps", "2", "--crop", "32", "--ngf", "4", "--blocks", "1", "--device", "cpu", "--workers", "0", "--yes"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for number in range(4):
        save(tmp_path / "data" / ("trainA", "trainB")[number % 2] / f"{number}.png", 48, 48, seed=number)
    return tmp_path / "data"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("self.D = ", "1 / 0; self.D = ", "failed: ZeroDivisionError: division by zero"),
        ("return self.adams", "raise SystemExit(3)", "failed: SystemExit: 3"),
        (
            "fake = self.G(real_A)",
            "fake = self.H(real_A)",
            "failed: AttributeError: 'Unbound' object has no attribute 'H'",
        ),
        ("return {}", "raise KeyError('what?')", "failed: KeyError: 'what?'"),
    ],
)
def test_what_one_fails_with_is_told_with_its_package(
    old: str, new: str, said: str, cli: Cli, install: Install, data: Path, monkeypatch: pytest.MonkeyPatch
):
    assert old in WHOLE
    install("objectives", "bad", WHOLE.replace(old, new))
    monkeypatch.chdir(data.parent)
    ended = cli("train", "--data", data, "--objective", "bad", *[one for one in TINY if one != "--yes"])
    assert ended.code == 5, ended.err
    assert f"the objective 'bad' of the package imgtrans-bad {said}" in ended.err
    assert "bug in imgtrans" not in ended.err


def test_one_without_faults_trains(cli: Cli, install: Install, data: Path, monkeypatch: pytest.MonkeyPatch):
    install("objectives", "good", WHOLE)
    monkeypatch.chdir(data.parent)
    ended = cli("train", "--data", data, "--objective", "good", *[one for one in TINY if one != "--yes"])
    assert ended.code == 0, ended.err
