"""What a request comes to before anything is loaded."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from imgtrans.batch import request as module
from imgtrans.batch.asked import Request
from imgtrans.batch.request import prepare
from imgtrans.zoo.store import Model
from tests.conftest import Ended
from tests.pictures import save


@pytest.fixture
def folder(tmp_path: Path, tiny_model: Model) -> Path:
    for number in range(7):
        save(tmp_path / "in" / f"{number % 2}" / f"{number}.png", 16, 16, seed=number)
    return tmp_path / "in"


def pictures(folder: Path, **given: object) -> float:
    return prepare(Request([folder], "tiny", **given)).pictures()  # type: ignore[arg-type]


def test_how_many_pictures_a_run_is_of_is_known_before_it_begins(folder: Path):
    assert pictures(folder) == 7
    assert pictures(folder, limit=3) == 3
    assert pictures(folder, shard="1/2") == 4
    assert pictures(folder / "0" / "0.png") == 1


def test_it_is_the_same_once_some_are_done(folder: Path, cli: Callable[..., Ended]):
    """So what is decided by it is decided the same way when a run goes on after it was killed."""
    assert cli("run", folder, "-m", "tiny", "--limit", "3", "--device", "cpu").code == 0
    assert pictures(folder) == 7


def test_a_list_is_not_counted_and_very_many_are_not_either(folder: Path, monkeypatch: pytest.MonkeyPatch):
    listing = folder.with_name("list")
    listing.write_text("0/0.png\n")
    assert pictures(folder, files_from=listing) == math.inf
    monkeypatch.setattr(module, "MANY", 2)
    assert pictures(folder) < 7
