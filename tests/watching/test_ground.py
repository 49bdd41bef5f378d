from pathlib import Path

import pytest

from imgtrans.watching.ground import AwayError, Ground
from tests.disks import SmallDisk


def test_a_folder_that_is_another_one_now_is_noticed(tmp_path: Path) -> None:
    inbox, output = tmp_path / "in", tmp_path / "out"
    inbox.mkdir()
    (output / ".imgtrans").mkdir(parents=True)
    ground = Ground(inbox, output)
    ground.settle()
    ground.check()
    inbox.rename(tmp_path / "aside")
    with pytest.raises(AwayError, match="in is not there"):
        ground.check()
    assert ground.missing() == f"{inbox} is not there"
    inbox.mkdir()
    with pytest.raises(AwayError, match="another folder than before"):
        ground.check()
    assert ground.missing() == ""


def test_an_inbox_that_is_empty_and_on_another_disk_is_not_mounted(tmp_path: Path) -> None:
    disk = SmallDisk(tmp_path / "in", "1m")
    try:
        (tmp_path / "out" / ".imgtrans").mkdir(parents=True)
        ground = Ground(tmp_path / "in", tmp_path / "out")
        ground.settle()
        (tmp_path / "in" / "a.png").touch()
    finally:
        disk.close()
    assert "as if its own were not mounted" in ground.missing()
    (tmp_path / "in" / "b.png").touch()  # then it is meant
    assert ground.missing() == ""
