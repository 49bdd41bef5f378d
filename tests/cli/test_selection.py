"""``imgtrans run`` on a part of what there is."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from imgtrans.zoo.store import Model
from tests.conftest import Ended
from tests.pictures import save

Cli = Callable[..., Ended]


@pytest.fixture
def run(cli: Cli, tiny: Model) -> Cli:
    """Run ``imgtrans run`` with the tiny model on the CPU."""
    return lambda *arguments: cli("run", "--model", "tiny", "--device", "cpu", *arguments)


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of four pictures, and the one it is in to work in."""
    for seed, name in enumerate(("a.png", "b.jpg", "x/a.png", "x/c.png")):
        save(tmp_path / "photos" / name, seed=seed)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "photos"


def outputs(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and ".imgtrans" not in path.parts
    )


def test_patterns_select_and_what_they_leave_is_done_later(run: Cli, photos: Path):
    assert run("photos", "--include", "*.PNG", "--exclude", "x/c*").code == 0
    assert outputs(Path("photos-tiny")) == ["a.png", "x/a.png"]
    ended = run("photos")
    assert (ended.code, ended.err.splitlines()[-1][:28]) == (0, "2 translated, 2 done before ")


def test_patterns_may_stand_in_the_configuration_and_the_environment(
    run: Cli, photos: Path, monkeypatch: pytest.MonkeyPatch
):
    Path("imgtrans.toml").write_text('[run]\ninclude = ["*.jpg", "c.png"]\nexclude = "x"\n')
    assert run("photos", "--dry-run").out.splitlines() == [f"{Path('photos/b.jpg')} -> {Path('photos-tiny/b.jpg')}"]
    monkeypatch.setenv("IMGTRANS_RUN_INCLUDE", "a.png *.jpg")
    assert len(run("photos", "--dry-run").out.splitlines()) == 2
    Path("imgtrans.toml").write_text("[run]\ninclude = [1]\n")
    assert run("photos").code == 2


def test_a_limit_is_of_what_is_to_be_done(run: Cli, photos: Path):
    for done in (2, 4):
        ended = run("photos", "--limit", 2)
        assert (ended.code, len(outputs(Path("photos-tiny")))) == (0, done)
        assert ended.err.splitlines()[0].endswith("the rest left by --limit 2)")
    assert run("photos", "--limit", 2).err.startswith("nothing to do: 4 done before")


def test_what_a_list_names_goes_where_it_would_without_one(run: Cli, photos: Path):
    Path("list").write_text("photos/x/c.png\nphotos/gone.png\nphotos/a.png\n")
    ended = run("photos", "--files-from", "list")
    assert ended.code == 1
    assert "warning: photos/gone.png is not there." in ended.err
    assert outputs(Path("photos-tiny")) == ["a.png", "x/c.png"]


def test_a_list_needs_no_inputs(run: Cli, photos: Path, tmp_path_factory: pytest.TempPathFactory):
    elsewhere = save(tmp_path_factory.mktemp("elsewhere") / "d.png")
    Path("list").write_text(f"photos/x/c.png\n{elsewhere}\n")
    ended = run("--files-from", "list", "-o", "out")
    assert (ended.code, ended.out) == (0, "out\n")
    assert outputs(Path("out")) == sorted(["photos/x/c.png", elsewhere.relative_to("/").as_posix()])


@pytest.mark.skipif(os.name == "nt", reason="names are bytes on POSIX")
def test_a_list_of_any_names_comes_through_a_pipe(photos: Path, tiny: Model, undecodable_name: str):
    save(photos / undecodable_name)
    listed = b"\0".join(os.fsencode(path) for path in photos.rglob("*.png"))
    command = [sys.executable, "-m", "imgtrans", "run", "photos", "--files-from", "-", "-0", "-m", "tiny", "--dry-run"]
    ended = subprocess.run(command, input=listed, capture_output=True, check=True)
    assert len(ended.stdout.splitlines()) == 4


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ([], 2, "there is nothing to translate"),
        (["--files-from", "list"], 2, "--files-from without a folder needs an output folder"),
        (["--files-from", "list", "-o", "a.png"], 2, "a.png is no folder"),
        (["photos/a.png", "--files-from", "list"], 2, "--files-from goes with one folder"),
        (["photos", "--files-from", "nowhere"], 4, "the list in nowhere cannot be read: No such file"),
        (["photos", "--files-from", "photos"], 4, "the list in photos cannot be read"),
        (["--files-from", "list", "-o", "."], 4, ". is the folder of the inputs"),
        (["photos", "--include", "/"], 2, "--include has an empty pattern"),
        (["photos", "--limit", "-1"], 2, "--limit is -1"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_each_mistake_is_one_sentence_and_leaves_no_trace(
    run: Cli, photos: Path, arguments: list[str], code: int, sentence: str
):
    Path("list").write_text("photos/a.png\n")
    ended = run(*arguments)
    assert (ended.code, ended.out) == (code, "")
    assert sentence in ended.err.splitlines()[0]
    assert sorted(os.listdir()) == ["list", "photos"]


def test_outputs_that_would_fall_on_inputs_are_refused_even_with_overwrite(run: Cli, photos: Path):
    before = (photos / "a.png").read_bytes()
    save(photos.parent / "other" / "z.png")
    ended = run("photos", "other", "-o", ".", "--overwrite", "--force")
    assert ended.code == 4
    assert "outputs of photos would be written into photos, which is an input" in ended.err
    assert (photos / "a.png").read_bytes() == before
