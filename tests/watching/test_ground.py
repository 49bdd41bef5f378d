from pathlib import Path

import pytest

from imgtrans.watching.ground import AwayError, Ground


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
