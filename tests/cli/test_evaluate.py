"""``imgtrans evaluate``, as it is typed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pictures import save

Cli = Callable[..., Any]


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for n in range(12):
        save(tmp_path / "fakes" / f"{n}.png", 40, 40, seed=n)
        save(tmp_path / "reals" / f"{n}.jpg", 40, 40, seed=100 + n)
    return tmp_path / "fakes", tmp_path / "reals"


def test_scores_are_rows_with_what_saw_them_and_kid_comes_first(cli: Cli, folders: tuple[Path, Path]):
    ended = cli("evaluate", *folders, "--input", folders[0])
    assert ended.code == 0
    rows = [line.split("\t") for line in ended.out.splitlines()]
    assert [(row[0], row[4]) for row in rows] == [
        *((name, "statistics") for name in ("kid", "fid", "precision", "recall")), ("structure", "gradients"),
    ]  # fmt: skip
    value, low, high = map(float, rows[0][1:4])
    assert low <= value <= high
    assert "12 fakes and 12 real pictures, seed 0" in ended.err
    assert "12 pictures of a kind are few" in ended.err


def test_json_has_a_line_for_each_score(cli: Cli, folders: tuple[Path, Path]):
    ended = cli("evaluate", *folders, "--json", "--seed", 3)
    records = [json.loads(line) for line in ended.out.splitlines()]
    assert [record["score"] for record in records] == ["kid", "fid", "precision", "recall"]
    assert records[0]["low"] <= records[0]["value"] <= records[0]["high"]
    assert records[1]["low"] is None
    assert all((record["fakes"], record["reals"], record["seed"]) == (12, 12, 3) for record in records)


def test_the_same_command_gives_the_same_numbers(cli: Cli, folders: tuple[Path, Path]):
    assert cli("evaluate", *folders).out == cli("evaluate", *folders).out


def test_a_broken_picture_is_said_and_left_out(cli: Cli, folders: tuple[Path, Path]):
    broken = folders[0] / "3.png"
    broken.write_bytes(broken.read_bytes()[:64])
    ended = cli("evaluate", *folders)
    assert ended.code == 0
    assert str(broken) in ended.err and "It is left out." in ended.err
    assert "11 fakes and 12 real pictures" in ended.err


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (["--extractor", "vgg"], 2, "there is no extractor 'vgg'"),
        (["--extractor", "classifier"], 2, "--data DATA"),
        (["--features", "w.pth"], 2, "add --extractor inception or --extractor dino"),
        (["--extractor", "dino", "--features", "gone.pth"], 3, "there is no file gone.pth"),
        (["--input", "gone"], 4, "there is no folder gone"),
        (["--limit", "0"], 2, "--limit"),
    ],
)
def test_what_cannot_be_is_one_sentence(cli: Cli, folders: tuple[Path, Path], change: list[str], code: int, said: str):
    if "dino" in change:
        pytest.importorskip("timm", reason="the extra metrics is not installed")
    ended = cli("evaluate", *folders, *change)
    assert (ended.code, ended.out) == (code, "")
    assert said in ended.err
