"""Changes to a folder of models: one at a time, and what a kill leaves goes away."""

import os
import time
from pathlib import Path

import pytest
from filelock import FileLock

from imgtrans.errors import FilesError
from imgtrans.files import is_temporary
from imgtrans.zoo import staging
from imgtrans.zoo.staging import delete, locked, sweep, temporary


def aged(path: Path, seconds: float) -> Path:
    os.utime(path, (time.time() - seconds,) * 2, follow_symlinks=False)
    return path


def test_a_lock_that_another_process_keeps_is_an_error_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(staging, "_LOCK_SECONDS", 0.05)
    with (
        FileLock(tmp_path / "lock"),
        pytest.raises(FilesError, match=r"another process has kept .*lock locked for 0\.05 seconds"),
        locked(tmp_path / "lock"),
    ):
        raise AssertionError("it was locked twice")


def test_a_lock_is_free_again_after_whatever_happened(tmp_path: Path):
    for _ in range(2):
        with pytest.raises(RuntimeError), locked(tmp_path / "made" / "lock"):
            raise RuntimeError


def test_what_is_stale_is_swept_and_models_are_not(tmp_path: Path):
    stale, fresh, model = temporary(tmp_path), temporary(tmp_path), tmp_path / "model"
    for folder in (stale, fresh, model):
        folder.mkdir()
        (folder / "file").touch()
        aged(folder / "file", 5000)
        aged(folder, 5000)
    aged(fresh / "file", 0)  # it is growing
    sweep(tmp_path, time.time())
    assert {*tmp_path.iterdir()} == {fresh, model}
    assert is_temporary(fresh.name)


@pytest.mark.skipif(os.name == "nt", reason="POSIX links")
def test_of_a_linked_model_the_link_is_swept_and_the_model_is_not(tmp_path: Path):
    model, link = tmp_path / "model", temporary(tmp_path)
    model.mkdir()
    (model / "file").touch()
    link.symlink_to(model)
    for path in (model / "file", link):
        aged(path, 5000)
    sweep(tmp_path, time.time())
    assert [*tmp_path.iterdir()] == [model]
    assert (model / "file").exists()


def test_a_folder_is_deleted_with_all_that_is_in_it(tmp_path: Path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    delete(tmp_path / "a")
    assert [*tmp_path.iterdir()] == []
