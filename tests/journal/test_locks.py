from pathlib import Path

import pytest

from imgtrans.errors import FilesError
from imgtrans.journal import locks as module
from imgtrans.journal.locks import RunLock


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOMENT_SECONDS", 0.05)


def test_shards_work_side_by_side_and_each_once(tmp_path: Path) -> None:
    first, second = (RunLock(tmp_path, f"{number}-of-2", tmp_path) for number in (1, 2))
    with pytest.raises(FilesError, match="in use by another run"):
        RunLock(tmp_path, "2-of-2", tmp_path)
    first.release()
    second.release()


def test_a_whole_run_and_a_shard_keep_each_other_out(tmp_path: Path) -> None:
    shard = RunLock(tmp_path, "1-of-2", tmp_path)
    with pytest.raises(FilesError, match="in use by shard 1/2 of another run"):
        RunLock(tmp_path, "", tmp_path)
    shard.release()
    whole = RunLock(tmp_path, "", tmp_path)
    for other in ("1-of-2", "2-of-3"):
        with pytest.raises(FilesError, match="in use by another run"):
            RunLock(tmp_path, other, tmp_path)
    whole.release()
    RunLock(tmp_path, "2-of-3", tmp_path).release()  # who was kept out holds nothing


def test_whoever_is_kept_out_lets_go_of_what_it_had(tmp_path: Path) -> None:
    shard = RunLock(tmp_path, "2-of-2", tmp_path)
    with pytest.raises(FilesError):
        RunLock(tmp_path, "", tmp_path)
    RunLock(tmp_path, "1-of-2", tmp_path).release()
    shard.release()
