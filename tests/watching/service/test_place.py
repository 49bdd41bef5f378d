import os
from pathlib import Path

import pytest

from imgtrans.errors import FilesError
from imgtrans.places import state_folder
from imgtrans.watching.service.place import InboxLock, digest, read, written


def test_an_inbox_is_one_however_it_is_spelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "inbox")
    monkeypatch.chdir(tmp_path)
    assert digest(Path("inbox")) == digest(tmp_path / "link") == digest(tmp_path / "inbox" / ".." / "inbox")
    assert digest(tmp_path) != digest(tmp_path / "inbox")


def test_systemds_folder_is_taken_where_there_is_one(tmp_path: Path) -> None:
    assert written({"RUNTIME_DIRECTORY": "/run/imgtrans"}) == Path("/run/imgtrans")
    assert written({}) == state_folder() / "watching"
    (tmp_path / "imgtrans" / "imgtrans-inbox").mkdir(parents=True)
    (tmp_path / "imgtrans" / "file").touch()
    folders = read({"XDG_RUNTIME_DIR": str(tmp_path)})
    assert folders[:3] == [state_folder() / "watching"] * 2 + [tmp_path / "imgtrans" / "imgtrans-inbox"]


def test_an_inbox_is_watched_by_one(tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "inbox")
    lock = InboxLock(tmp_path / "inbox", tmp_path / "state")
    with pytest.raises(FilesError, match="is watched by another process"):
        InboxLock(tmp_path / "link", tmp_path / "state")
    InboxLock(tmp_path, tmp_path / "state").release()
    lock.release()
    InboxLock(tmp_path / "link", tmp_path / "state").release()
    if os.name != "nt":
        (tmp_path / "file").touch()
        with pytest.raises(FilesError, match="cannot be written"):
            InboxLock(tmp_path / "inbox", tmp_path / "file" / "state")
