"""``imgtrans status``: what it says of an output folder; and ``run --retry-failed``."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from imgtrans.journal.writing import Journal
from imgtrans.zoo.store import Model
from tests.conftest import Ended
from tests.pictures import save

Cli = Callable[..., Ended]


@pytest.fixture
def run(cli: Cli, tiny: Model) -> Cli:
    """Run ``imgtrans run`` with the tiny model on the CPU."""
    return lambda *arguments: cli("run", "--model", "tiny", "--device", "cpu", "-q", *arguments)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A good picture, one that breaks off, and one that never was one."""
    save(tmp_path / "photos" / "a.png")
    save(tmp_path / "photos" / "half.png")
    (tmp_path / "photos" / "half.png").write_bytes((tmp_path / "photos" / "half.png").read_bytes()[:60])
    (tmp_path / "photos" / "none.jpg").write_text("no picture")
    return tmp_path / "photos"


def test_what_is_done_and_what_failed_and_why_is_said(cli: Cli, run: Cli, photos: Path):
    run(photos)
    out = photos.parent / "photos-tiny"
    ended = cli("status", out)
    assert (ended.code, ended.err) == (0, "")
    first, second, counts, last = ended.out.splitlines()
    assert first.startswith(f"failed: {photos / 'half.png'} cannot be decoded")
    assert second == f"failed: {photos / 'none.jpg'} is not a picture that can be read."
    assert counts == f"1 done, 2 failed in {out}"
    assert last == "the last run, with tiny (size=native), has ended"


def test_json_is_a_line_for_each_picture_and_one_for_all(cli: Cli, run: Cli, photos: Path):
    run(photos)
    out = photos.parent / "photos-tiny"
    *images, end = map(json.loads, cli("status", out, "--json").out.splitlines())
    assert images[0] == {
        "event": "image", "input": str(photos / "a.png"), "output": str(out / "a.png"), "status": "done",
    }  # fmt: skip
    assert [image["status"] for image in images] == ["done", "failed", "failed"]
    assert all(image["error"] for image in images[1:])
    assert end == {
        "event": "status", "output": str(out), "done": 1, "failed": 2, "outdated": 0, "interrupted": 0, "left": 0,
        "run": "ended", "runs": 1, "model": "tiny", "settings": "size=native",
    }  # fmt: skip


def test_a_run_at_work_is_not_disturbed(cli: Cli, run: Cli, photos: Path):
    run(photos)
    out = photos.parent / "photos-tiny"
    with Journal(out) as journal:
        journal.expect(7, True)
        journal.begin("tiny", "model", "size=native")
        ended = cli("status", out)
        assert ended.out.splitlines()[-1] == "the last run, with tiny (size=native), is at work with 7 left"
        assert run(photos).code == 4  # the lock is still that run's
    with pytest.raises(KeyboardInterrupt), Journal(out) as journal:
        journal.expect(7, True)
        journal.begin("tiny", "model", "size=native")
        journal._database.execute("UPDATE run SET process = ''")
        raise KeyboardInterrupt
    assert (
        cli("status", out).out.splitlines()[-1].endswith("was stopped with 7 left; the same command goes on from there")
    )


def test_a_run_in_which_everything_failed_can_be_asked_about(cli: Cli, run: Cli, photos: Path):
    (photos / "a.png").unlink()
    assert run(photos).code == 1
    assert cli("status", photos.parent / "photos-tiny").out.splitlines()[-2].startswith("0 done, 2 failed in ")


def test_a_failure_is_cleared_when_the_picture_succeeds_or_is_gone(cli: Cli, run: Cli, photos: Path):
    run(photos)
    save(photos / "half.png")
    (photos / "none.jpg").unlink()
    assert run(photos).code == 0
    assert cli("status", photos.parent / "photos-tiny").out.splitlines()[0].startswith("2 done in ")


@pytest.mark.parametrize("folder", ["nowhere", "photos"])
def test_a_folder_without_a_journal_is_exit_code_4(cli: Cli, photos: Path, folder: str):
    ended = cli("status", photos.parent / folder)
    assert (ended.code, ended.out) == (4, "")
    assert ended.err.startswith(f"error: {photos.parent / folder} ")
    assert {path.name for path in photos.iterdir()} == {"a.png", "half.png", "none.jpg"}


def test_only_what_failed_is_tried_again_if_that_is_wanted(cli: Cli, run: Cli, photos: Path):
    run(photos)
    save(photos / "half.png")
    save(photos / "new.png")
    ended = run(photos, "--retry-failed", "--json")
    *events, end = map(json.loads, ended.out.splitlines())
    images = [event for event in events if event["event"] == "image"]
    assert {Path(image["input"]).name: image["status"] for image in images} == {
        "half.png": "translated", "none.jpg": "failed",
    }  # fmt: skip
    assert (ended.code, end["translated"], end["failed"]) == (1, 1, 1)
    assert not (photos.parent / "photos-tiny" / "new.png").exists()
    assert run(photos).code == 1
    assert (photos.parent / "photos-tiny" / "new.png").exists()


def test_that_nothing_failed_is_said(cli: Cli, tiny: Model, tmp_path: Path):
    save(tmp_path / "photos" / "a.png")
    ended = cli("run", tmp_path / "photos", "-m", "tiny", "--retry-failed")
    assert (ended.code, ended.err.splitlines()[0]) == (0, "nothing to do: no picture failed last time")


def test_a_folder_that_cannot_be_read_is_a_failure_until_it_can_be(
    cli: Cli, run: Cli, photos: Path, monkeypatch: pytest.MonkeyPatch
):
    save(photos / "sub" / "b.png")
    scandir = os.scandir

    def denied(path: Path) -> object:
        if str(path).endswith("photos/sub"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", denied)
        ended = run(photos)
    assert ended.code == 1
    sentence = f"{photos / 'sub'} cannot be read: Permission denied."
    assert f"warning: {sentence}" in ended.err.splitlines()
    assert f"failed: {sentence}" in cli("status", photos.parent / "photos-tiny").out.splitlines()
    run(photos)
    assert sentence not in cli("status", photos.parent / "photos-tiny").out
    assert (photos.parent / "photos-tiny" / "sub" / "b.png").is_file()
