"""What a full disk leaves behind: whole outputs or none, one sentence, and a next run that goes on."""

import errno
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from imgtrans.batch import run as module
from imgtrans.files import is_temporary
from imgtrans.journal.reading import JournalReader
from imgtrans.journal.status import read_status
from imgtrans.zoo.store import Model
from tests.conftest import Ended
from tests.disks import SmallDisk
from tests.pictures import save

Cli = Callable[..., Ended]
PICTURES = 12
HINT = "  make room and run the same command again: it goes on where it stopped"


@pytest.fixture
def small(small_disk: Callable[[str], SmallDisk]) -> Path:
    """A disk of one megabyte."""
    return small_disk("1m").path


@pytest.fixture
def photos(tmp_path: Path, tiny: Model) -> Path:
    """Pictures of which a few fit onto the small disk, each of about 150 kilobytes."""
    for number in range(PICTURES):
        path = save(tmp_path / "photos" / f"{number:02}.png", 256, 192, seed=number)
        Image.effect_noise((256, 192), 90).convert("RGB").save(path)
    return tmp_path / "photos"


def whole_outputs(folder: Path) -> dict[str, int]:
    """Return names and times of the outputs, all of which decode."""
    times = {}
    for path in folder.glob("*.png"):
        with Image.open(path) as image:
            image.load()
            assert image.size == (256, 192)
        times[path.name] = path.stat().st_mtime_ns
    return times


def test_the_run_ends_with_one_sentence_and_goes_on_when_there_is_room(cli: Cli, photos: Path, small: Path) -> None:
    before = {path.name: path.read_bytes() for path in photos.iterdir()}
    out = small / "out"
    command = ("run", photos, "-m", "tiny", "--device", "cpu", "-o", out, "-q")
    ended = cli(*command)
    assert (ended.code, ended.out) == (4, "")
    sentence, hint = ended.err.splitlines()
    assert sentence.startswith("error: ") and ("cannot be written any more" in sentence)
    assert hint == HINT
    done = whole_outputs(out)
    assert 0 < len(done) < PICTURES
    assert not [name for name in os.listdir(out) if is_temporary(name)]
    with read_status(out) as status:
        standings = [*status.standings()]
        assert status.left
    assert {one.output.name for one in standings if one.state == "done"} <= {*done}
    assert {one.state for one in standings} <= {"done", "interrupted"}

    subprocess.run(["mount", "-o", "remount,size=64m", small], check=True)
    assert cli(*command).code == 0
    after = whole_outputs(out)
    assert len(after) == PICTURES
    assert after.items() >= done.items()  # what was done is not done again
    assert {path.name: path.read_bytes() for path in photos.iterdir()} == before


def test_a_disk_without_room_for_the_journal_is_one_sentence(cli: Cli, photos: Path, small: Path) -> None:
    with (small / "filler").open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(b"x" * 4096)
    ended = cli("run", photos, "-m", "tiny", "--device", "cpu", "-o", small, "-q")
    assert (ended.code, ended.out) == (4, "")
    assert len(ended.err.splitlines()) == 2
    assert not list(small.glob("*.png"))
    (small / "filler").unlink()
    subprocess.run(["mount", "-o", "remount,size=64m", small], check=True)
    assert cli("run", photos, "-m", "tiny", "--device", "cpu", "-o", small, "-q").code == 0
    assert len(whole_outputs(small)) == PICTURES


def test_a_folder_that_there_is_no_room_for_ends_the_run_too(
    cli: Cli, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = Path.mkdir

    def full(path: Path, *arguments: object, **options: object) -> None:
        if path.name == "sub":
            raise OSError(errno.ENOSPC, "No space left on device")
        make(path, *arguments, **options)  # type: ignore[arg-type]

    save(photos / "sub" / "a.png")
    monkeypatch.setattr(module.Path, "mkdir", full)
    ended = cli("run", photos, "-m", "tiny", "--device", "cpu", "-q")
    assert (ended.code, ended.err.splitlines()[1]) == (4, HINT)
    with JournalReader(tmp_path / "photos-tiny") as reader:
        assert {entry.output for entry in reader.entries()} <= {path.name.encode() for path in photos.iterdir()}
