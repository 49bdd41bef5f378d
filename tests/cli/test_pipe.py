"""One picture through a pipe: ``imgtrans run - -o -``."""

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgtrans.zoo.store import Model
from tests.conftest import Ended
from tests.pictures import save

Cli = Callable[..., Ended]


@pytest.fixture
def picture(tmp_path: Path, tiny: Model) -> Path:
    return save(tmp_path / "a.jpg", 33, 17)


def piped(content: bytes, *arguments: object) -> tuple[int, bytes, str]:
    command = [sys.executable, "-m", "imgtrans", "run", *map(str, arguments), "-m", "tiny", "--device", "cpu"]
    ended = subprocess.run(command, input=content, capture_output=True, check=False, timeout=120)
    return ended.returncode, ended.stdout, ended.stderr.decode()


def test_a_picture_goes_in_and_its_translation_comes_out(cli: Cli, picture: Path):
    code, out, err = piped(picture.read_bytes(), "-", "-o", "-")
    assert code == 0
    assert err.startswith("translating 1 picture with tiny ") and ", into standard output" in err
    assert cli("run", picture, "-m", "tiny", "--device", "cpu").code == 0
    assert out == (picture.parent / "a-tiny.jpg").read_bytes()


def test_another_format_can_be_asked_for(picture: Path):
    code, out, _ = piped(picture.read_bytes(), "-", "-o", "-", "--format", "png", "-q")
    with Image.open(io.BytesIO(out)) as image:
        assert (code, image.format, image.size) == (0, "PNG", (33, 17))


def test_only_one_end_may_be_a_pipe(picture: Path):
    code, out, _ = piped(picture.read_bytes(), "-", "-o", picture.parent / "b.png", "-q")
    assert (code, out.decode()) == (0, f"{picture.parent / 'b.png'}\n")
    with Image.open(picture.parent / "b.png") as made:
        pixels = np.asarray(made)
    code, out, _ = piped(b"", picture, "-o", "-", "--format", "png", "-q")
    with Image.open(io.BytesIO(out)) as image:
        assert np.array_equal(np.asarray(image), pixels)
    assert sorted(path.name for path in picture.parent.iterdir()) == ["a.jpg", "b.png"]


def test_rubbish_is_a_sentence_and_nothing_comes_out(picture: Path):
    for content in (b"rubbish", b"", picture.read_bytes()[:300]):
        code, out, err = piped(content, "-", "-o", "-", "-q")
        assert (code, out) == (1, b"")
        assert err.startswith("warning: standard input ") and len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["-"], "needs an output"),
        (["-", "-", "-o", "-"], "is one picture"),
        (["-", "-o", "-", "--json"], "standard output"),
        (["-", "-o", "-", "--dry-run"], "--dry-run is for files"),
        (["-", "-o", "-", "--shard", "1/2"], "--shard is for files"),
        ([".", "-o", "-"], "is one picture"),
    ],
)
def test_what_makes_no_sense_is_refused(cli: Cli, tiny: Model, arguments: list[str], problem: str):
    ended = cli("run", *arguments, "-m", "tiny")
    assert (ended.code, ended.out) == (2, "")
    assert problem in ended.err.splitlines()[0]


def test_nothing_is_left_behind(picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    assert piped(picture.read_bytes(), "-", "-o", "-", "-q")[0] == 0
    assert os.listdir(tmp_path / "tmp") == []
