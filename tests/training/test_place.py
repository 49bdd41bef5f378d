"""Where a run is kept: that it cannot be written is found before, and looking for it leaves nothing behind."""

from pathlib import Path

import pytest

from imgtrans.errors import FilesError
from imgtrans.training.place import check_place, check_room, explained


def test_looking_makes_no_folder(tmp_path: Path):
    check_place(tmp_path / "runs" / "a", resume=False)
    assert [*tmp_path.iterdir()] == []


def test_looking_leaves_a_folder_that_is_there(tmp_path: Path):
    (tmp_path / "runs").mkdir()
    check_place(tmp_path / "runs" / "a", resume=False)
    assert [*tmp_path.rglob("*")] == [tmp_path / "runs"]


@pytest.mark.parametrize("how", ["a file", "below a file", "too long", "a broken link", "below a device"])
def test_a_place_that_cannot_be_is_one_sentence(tmp_path: Path, how: str):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    folder = {
        "a file": tmp_path / "file",
        "below a file": tmp_path / "file" / "a",
        "too long": tmp_path / ("x" * 300),
        "a broken link": tmp_path / "link",
        "below a device": Path("/dev/null/runs/a"),
    }[how]
    with pytest.raises(FilesError, match="cannot be written") as caught:
        check_place(folder, resume=False)
    assert "--runs" in caught.value.hint


def test_a_folder_of_somebody_elses_is_one_sentence(nobodys: Path):
    (nobodys / "runs").mkdir()
    (nobodys / "runs").chmod(0o500)
    with pytest.raises(FilesError, match="cannot be written: Permission denied"):
        check_place(nobodys / "runs" / "a", resume=False)


def test_a_run_is_there_or_it_is_not(tmp_path: Path):
    with pytest.raises(FilesError, match="no checkpoint"):
        check_place(tmp_path, resume=True)
    (tmp_path / "checkpoint.pt").touch()
    check_place(tmp_path, resume=True)
    with pytest.raises(FilesError, match="holds a training run already"):
        check_place(tmp_path, resume=False)


def test_a_checkpoint_needs_room_beside_the_one_before(tmp_path: Path):
    check_room(tmp_path, 1000, 2)
    with pytest.raises(FilesError, match=r"there is room for .* and checkpoints of this run need"):
        check_room(tmp_path, 10**18, 1)


def test_what_cannot_be_written_and_what_cannot_be_read_are_told_apart(tmp_path: Path):
    with pytest.raises(FilesError, match="cannot be written any more: Input/output error"), explained(tmp_path):
        raise OSError(5, "Input/output error")
    with pytest.raises(FilesError, match=r"gone\.png cannot be read any more"), explained(tmp_path / "run"):
        (tmp_path / "gone.png").stat()
