"""Files are whole or absent."""

import hashlib
import os
from pathlib import Path

import pytest

from imgtrans import files
from imgtrans.files import is_temporary, sha256_of, sweep_temporaries, temporary_beside, written_atomically


def test_a_written_file_is_there_with_its_content_and_nothing_else(tmp_path: Path):
    with written_atomically(tmp_path / "a.txt") as temporary:
        temporary.write_text("whole")
        assert not (tmp_path / "a.txt").exists()
    assert (tmp_path / "a.txt").read_text() == "whole"
    assert list(tmp_path.iterdir()) == [tmp_path / "a.txt"]


@pytest.mark.parametrize("failure", [ValueError("no"), KeyboardInterrupt()])
def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path, failure: BaseException):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(type(failure)), written_atomically(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise failure
    assert (tmp_path / "a.txt").read_text() == "old"
    assert list(tmp_path.iterdir()) == [tmp_path / "a.txt"]


def test_the_content_is_on_the_disk_before_the_name_and_the_name_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    order: list[str] = []
    monkeypatch.setattr(files, "fsync_file", lambda path: order.append(f"file {is_temporary(path.name)}"))
    monkeypatch.setattr(files, "fsync_folder", lambda path: order.append(f"folder {path == tmp_path}"))
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: (order.append("rename"), replace(a, b)))
    with written_atomically(tmp_path / "a.txt") as temporary:
        temporary.write_text("whole")
    assert order == ["file True", "rename", "folder True"]


def test_a_temporary_lies_beside_its_file_hidden_and_is_known_again():
    first, second = (temporary_beside(Path("/photos/a.jpg")) for _ in range(2))
    assert first != second
    assert first.parent == Path("/photos")
    assert first.name.startswith(".")
    assert is_temporary(first.name)


@pytest.mark.parametrize("name", ["a.jpg", ".hidden", ".imgtrans", "a.tmp", "imgtrans-0.tmp", ".imgtrans-0.tmp.jpg"])
def test_other_files_are_no_temporaries(name: str):
    assert not is_temporary(name)


def test_sweeping_takes_stale_temporaries_and_nothing_else(tmp_path: Path):
    (tmp_path / "below").mkdir()
    for path in (tmp_path / "a.jpg", tmp_path / "below" / "a.jpg"):
        path.touch()
        temporary_beside(path).touch()
    temporary_beside(tmp_path / "a.jpg").touch()
    assert sweep_temporaries(tmp_path) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jpg", "below"]
    assert len(list((tmp_path / "below").iterdir())) == 2


def test_sweeping_leaves_folders_and_what_cannot_be_deleted(tmp_path: Path):
    temporary_beside(tmp_path / "a.jpg").mkdir()
    temporary_beside(tmp_path / "a.jpg").touch()
    assert sweep_temporaries(tmp_path) == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_sweeping_a_folder_that_is_not_there_is_nothing(tmp_path: Path):
    assert sweep_temporaries(tmp_path / "gone") == 0


def test_the_hash_of_a_file(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"abc" * 100_000)
    assert sha256_of(tmp_path / "a") == hashlib.sha256(b"abc" * 100_000).hexdigest()
