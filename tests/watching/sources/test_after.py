import errno
import os
from pathlib import Path

import pytest

from imgtrans.watching.seeing.version import Version
from imgtrans.watching.sources.after import ChangedError, delete, move


def source(folder: Path, content: bytes = b"picture") -> tuple[Path, Version]:
    """A source, and what it was when it was read."""
    path = folder / "inbox" / "a.jpg"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path, Version.of(path.stat())


@pytest.fixture(params=["same disk", "another disk"])
def archive(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for sources, which need not be there."""
    folder = tmp_path / "archive"
    if request.param == "another disk":
        shm = Path("/dev/shm")
        if os.access(shm, os.W_OK) and shm.stat().st_dev != tmp_path.stat().st_dev:
            folder = shm / f"imgtrans-{os.getpid()}-{tmp_path.name}"
            request.addfinalizer(lambda: [path.unlink() for path in sorted(folder.rglob("*")) if path.is_file()])
        else:
            pytest.skip("there is no other disk")
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_source_is_moved_with_what_it_holds_and_its_time(tmp_path: Path, archive: Path) -> None:
    path, version = source(tmp_path)
    os.utime(path, ns=(10**18, 10**18))
    version = Version.of(path.stat())
    assert move(path, version, archive / "2026" / "a.jpg") == archive / "2026" / "a.jpg"
    assert (archive / "2026" / "a.jpg").read_bytes() == b"picture"
    assert (archive / "2026" / "a.jpg").stat().st_mtime_ns == 10**18
    assert names(path.parent) == []
    assert names(archive / "2026") == ["a.jpg"]


def test_nothing_in_the_archive_is_overwritten(tmp_path: Path, archive: Path) -> None:
    contents = [b"first", b"second", b"third"]
    moved = [move(*source(tmp_path, content), archive / "a.jpg").name for content in contents]
    assert moved == ["a.jpg", "a-2.jpg", "a-3.jpg"]
    assert [(archive / name).read_bytes() for name in moved] == contents


def test_why_it_failed_stands_beside_it_and_over_nothing(tmp_path: Path, archive: Path) -> None:
    archive.mkdir()
    (archive / "a.jpg.txt").write_text("somebody's")
    moved = move(*source(tmp_path), archive / "a.jpg", note="it is broken")
    assert moved == archive / "a-2.jpg"
    assert (archive / "a-2.jpg.txt").read_text() == "it is broken"
    assert (archive / "a.jpg.txt").read_text() == "somebody's"
    assert len(names(archive)) == 3


def test_a_source_that_is_another_one_now_stays(tmp_path: Path, archive: Path) -> None:
    path, version = source(tmp_path)
    os.utime(path, ns=(path.stat().st_atime_ns, version.mtime_ns))  # size and time are what they were
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (version.size, version.mtime_ns)
    for attempt in (lambda: move(path, version, archive / "a.jpg"), lambda: delete(path, version)):
        with pytest.raises(ChangedError):
            attempt()
    assert path.read_bytes() == b"picture"
    assert not archive.is_dir() or names(archive) == []


@pytest.mark.parametrize("deleting", [True, False])
def test_what_takes_its_place_at_the_last_moment_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deleting: bool
) -> None:
    path, version = source(tmp_path)
    rename = os.rename

    def overtaken(old: Path, new: Path) -> None:
        monkeypatch.setattr(os, "rename", rename)
        (tmp_path / "new").write_bytes(b"newer")
        os.replace(tmp_path / "new", path)  # between the look and the rename
        rename(old, new)

    monkeypatch.setattr(os, "rename", overtaken)
    with pytest.raises(ChangedError):
        if deleting:
            delete(path, version)
        else:
            move(path, version, tmp_path / "archive" / "a.jpg")
    assert path.read_bytes() == b"newer"
    assert names(path.parent) == ["a.jpg"]


def test_a_source_is_deleted_and_leaves_nothing(tmp_path: Path) -> None:
    path, version = source(tmp_path)
    delete(path, version)
    assert names(path.parent) == []


def test_a_copy_on_another_disk_goes_again_if_the_source_cannot_be_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, version = source(tmp_path)

    def no_rename(old: Path, new: Path) -> None:
        raise OSError(errno.EXDEV if new.parent != path.parent else errno.EROFS, "no")

    monkeypatch.setattr(os, "rename", no_rename)
    with pytest.raises(OSError, match="no"):
        move(path, version, tmp_path / "archive" / "a.jpg", note="why")
    assert path.read_bytes() == b"picture"
    assert names(tmp_path / "archive") == []


def test_a_file_system_without_links_is_no_hindrance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_link(old: Path, new: Path) -> None:
        raise OSError(errno.EPERM, "no links")

    monkeypatch.setattr(os, "link", no_link)
    moved = [move(*source(tmp_path), tmp_path / "archive" / "a.jpg").name for _ in range(2)]
    assert moved == ["a.jpg", "a-2.jpg"]
    assert names(tmp_path / "archive") == ["a-2.jpg", "a.jpg"]
    assert Version.of((tmp_path / "archive" / "a.jpg").stat()).size == 7
