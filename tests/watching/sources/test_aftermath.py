import os
from pathlib import Path
from typing import Any

import pytest

from imgtrans.watching.seeing.version import Version
from imgtrans.watching.sources.aftermath import Aftermath


class Here:
    """An inbox with one source in a folder of it, and what was told."""

    def __init__(self, folder: Path, **wanted: Any) -> None:
        self.inbox = folder / "inbox"
        self.source = self.inbox / "sub" / "a.jpg"
        self.source.parent.mkdir(parents=True)
        self.source.write_bytes(b"picture")
        self.version = Version.of(self.source.stat())
        self.told: list[str] = []
        self.aftermath = Aftermath(self.inbox, self.told.append, **wanted)


def test_sources_stay_if_nothing_else_is_said(tmp_path: Path) -> None:
    here = Here(tmp_path)
    assert here.aftermath.done(here.source, here.version) == here.source
    assert here.aftermath.given_up(here.source, here.version, "broken") == here.source
    assert here.source.exists()


def test_a_source_keeps_its_folders_in_the_archive(tmp_path: Path) -> None:
    here = Here(tmp_path, archive=tmp_path / "done", failed=tmp_path / "failed")
    assert here.aftermath.done(here.source, here.version) == tmp_path / "done" / "sub" / "a.jpg"
    assert not here.source.exists()


def test_a_source_is_deleted_if_that_is_wanted(tmp_path: Path) -> None:
    here = Here(tmp_path, delete=True)
    assert here.aftermath.given_up(here.source, here.version, "broken") == here.source  # only what is done
    assert here.aftermath.done(here.source, here.version) is None
    assert not here.source.exists()


def test_why_it_was_given_up_stands_beside_it(tmp_path: Path) -> None:
    here = Here(tmp_path, failed=tmp_path / "failed")
    assert here.aftermath.done(here.source, here.version) == here.source
    moved = here.aftermath.given_up(here.source, here.version, "It is broken.")
    assert moved == tmp_path / "failed" / "sub" / "a.jpg"
    note = (tmp_path / "failed" / "sub" / "a.jpg.txt").read_text()
    assert note.startswith(f"It is broken.\n\nThis was {here.source}, given up by imgtrans at ")


def test_a_source_that_was_written_over_stays_without_a_word(tmp_path: Path) -> None:
    here = Here(tmp_path, delete=True)
    here.source.write_bytes(b"another")
    assert here.aftermath.done(here.source, here.version) == here.source
    assert here.source.read_bytes() == b"another"
    assert (here.told, here.aftermath.left) == ([], 0)


def test_a_link_stays(tmp_path: Path) -> None:
    here = Here(tmp_path, delete=True)
    link = here.inbox / "link.jpg"
    link.symlink_to(here.source)
    for _ in range(2):
        assert here.aftermath.done(link, Version.of(link.stat())) == link
    assert link.is_symlink()
    assert here.told == [f"{link} is a link, and stays where it is"]


@pytest.mark.skipif(os.name == "nt", reason="needs rights")
def test_what_cannot_be_moved_is_told_once_and_moved_later(nobodys: Path) -> None:
    here = Here(nobodys, archive=nobodys / "done")
    (nobodys / "done").mkdir(mode=0o500)
    for _ in range(2):
        assert here.aftermath.done(here.source, here.version) == here.source
    assert len(here.told) == 1
    assert "cannot be moved" in here.told[0]
    assert here.aftermath.try_again() == 0
    (nobodys / "done").chmod(0o700)
    assert here.aftermath.left == 1
    assert here.aftermath.try_again() == 1
    assert here.aftermath.left == 0
    assert (nobodys / "done" / "sub" / "a.jpg").read_bytes() == b"picture"
    assert len(here.told) == 1
