import sys
from pathlib import Path

import pytest
from watchdog.events import FileSystemEventHandler
from watchdog.observers import Observer

from imgtrans.watching.seeing.kernel import Mounts, all_watched
from tests.disks import SmallDisk

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="of Linux")


def test_a_folder_that_nobody_watches_is_known_as_such(tmp_path: Path) -> None:
    watched, other = tmp_path / "watched", tmp_path / "other"
    (watched / "below").mkdir(parents=True)
    other.mkdir()
    observer = Observer()
    observer.schedule(FileSystemEventHandler(), str(watched), recursive=True)
    observer.start()
    try:
        assert all_watched([watched], below=True)
        assert not all_watched([watched, other], below=False)
        assert all_watched([tmp_path / "gone"], below=True)
    finally:
        observer.stop()
        observer.join()


def test_a_disk_that_comes_or_goes_is_noticed(tmp_path: Path) -> None:
    mounts = Mounts()
    try:
        assert not mounts.changed()
        disk = SmallDisk(tmp_path / "disk", "1m")
        assert mounts.changed()
        assert not mounts.changed()
        disk.close()
        assert mounts.changed()
    finally:
        mounts.close()
    assert not mounts.changed()
