"""What people type without reading: several pictures, another model, a pattern that takes nothing."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from imgtrans.zoo.store import Model, install
from tests.conftest import Ended
from tests.pictures import save

Cli = Callable[..., Ended]


@pytest.fixture
def run(cli: Cli, tiny: Model) -> Cli:
    """Run ``imgtrans run`` on the CPU."""
    return lambda *arguments: cli("run", "--device", "cpu", *arguments)


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of two pictures in the working folder."""
    save(tmp_path / "photos" / "a.png")
    save(tmp_path / "photos" / "b.jpg", seed=1)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "photos"


@pytest.fixture
def other(tiny: Model, tiny_weights: Path) -> str:
    """The name of a second model, whose weights are a little different."""
    content = bytearray(tiny_weights.read_bytes())
    content[-1] ^= 1
    return install(replace(tiny.card, name="other"), lambda path: path.write_bytes(content)).name


def test_several_pictures_go_beside_themselves_and_are_results(run: Cli, photos: Path) -> None:
    ended = run("photos/a.png", "photos/b.jpg", "photos/../photos/a.png", "-m", "tiny")
    assert (ended.code, ended.out) == (0, "photos/a-tiny.png\nphotos/b-tiny.jpg\n")
    first = ended.err.splitlines()[0]
    assert first.startswith("translating 2 pictures with tiny ") and first.endswith(" beside them")
    assert sorted(path.name for path in photos.iterdir()) == ["a-tiny.png", "a.png", "b-tiny.jpg", "b.jpg"]
    assert run("photos/b.jpg", "-m", "tiny").err.splitlines()[0] == "nothing to do: 1 done before"


def test_a_folder_that_holds_outputs_is_said_and_they_are_left_alone(run: Cli, photos: Path) -> None:
    run("photos", "-m", "tiny")
    ended = run("photos-tiny", "-m", "tiny")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err.splitlines()[:2] == [
        "nothing to do: 2 pictures made by imgtrans, left alone (--include-outputs takes them)",
        "photos-tiny is an output folder of imgtrans; what was made there is left alone "
        "(--include-outputs takes it, too)",
    ]
    ended = run(".", "-o", "../all", "-m", "tiny", "-v", "--report", "report.json")
    assert "photos-tiny/a.png: made by imgtrans" in ended.err
    assert not list(photos.parent.parent.glob("all/photos-tiny"))
    over = {Path(one["input"]).name: one["why"] for one in json.loads(Path("report.json").read_text())["passed_over"]}
    assert over == {"a.png": "made by imgtrans", "b.jpg": "made by imgtrans"}
    assert run("photos-tiny", "-m", "tiny", "--include-outputs").err.startswith("translating 2 pictures ")


def test_another_models_outputs_are_not_replaced_unasked(run: Cli, photos: Path, other: str) -> None:
    run("photos", "-o", "out", "-m", "tiny")
    before = (Path("out") / "a.png").stat().st_mtime_ns
    for option in ("--quiet", "--dry-run"):
        ended = run("photos", "-o", "out", "-m", other, option)
        assert ended.code == 4
        assert ended.err.startswith("error: out has translations of tiny, which other would replace\n")
        assert (Path("out") / "a.png").stat().st_mtime_ns == before
    assert run("photos", "-o", "out", "-m", other, "--overwrite").code == 0
    assert run("photos", "-o", "out", "-m", other).err.splitlines()[0] == "nothing to do: 2 done before"
    run("photos/a.png", "-o", "one.png", "-m", "tiny")
    assert run("photos/a.png", "-o", "one.png", "-m", other).code == 4
    assert run("photos/a.png", "-o", "two.png", "-m", other).code == 0


def test_a_pattern_that_takes_nothing_says_what_it_left_out(run: Cli, photos: Path) -> None:
    (photos / "notes.txt").write_text("no picture")
    ended = run("photos", "-m", "tiny", "--include", "*.jpeg")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err.splitlines()[0] == "no pictures found: 2 pictures do not match --include and --exclude"


def test_files_that_are_no_pictures_are_named_to_who_asks(run: Cli, photos: Path) -> None:
    (photos / "notes.txt").write_text("no picture")
    assert "photos/notes.txt: not a picture" in run("photos", "-m", "tiny", "-v").err.splitlines()
    ended = run("photos", "-m", "tiny", "--force", "--report", "report.json")
    assert "notes.txt" not in ended.err and "1 not pictures" in ended.err
    (over,) = json.loads(Path("report.json").read_text())["passed_over"]
    assert over == {"input": "photos/notes.txt", "why": "not a picture"}


def test_two_pictures_for_one_output_are_told_how_each_could_have_its_own(run: Cli, photos: Path) -> None:
    save(photos / "a.jpg", seed=3)
    save(photos / "sub" / "c.jpg", seed=4)
    ended = run("photos", "-m", "tiny", "--format", "webp")
    assert ended.code == 4
    assert "--exclude '*.png'" in ended.err and "--include '*.png' --suffix -png" in ended.err
    assert [path.name for path in Path("photos-tiny").rglob("*.webp")] == ["c.webp"]  # the other folder is done
    assert run("photos", "-m", "tiny", "--format", "webp", "--exclude", "*.png").code == 0
    assert run("photos", "-m", "tiny", "--format", "webp", "--include", "*.png", "--suffix", "-png").code == 0
    made = sorted(path.name for path in Path("photos-tiny").rglob("*.webp"))
    assert made == ["a-png.webp", "a.webp", "b.webp", "c.webp"]
