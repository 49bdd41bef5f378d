import os
from pathlib import Path

import pytest

from imgtrans.journal.entry import Entry
from imgtrans.journal.writing import Journal
from imgtrans.watching.ground import AwayError
from imgtrans.watching.sources import mirror as module
from imgtrans.watching.sources.mirror import mirror


class Made:
    """An inbox and an output folder in which each source has its output."""

    def __init__(self, folder: Path, count: int) -> None:
        self.inbox, self.output = folder / "inbox", folder / "out"
        self.names = [f"{number}.png" for number in range(count)]
        for place in (self.inbox, self.output):
            place.mkdir()
            for name in self.names:
                (place / name).write_bytes(b"picture")

    def entries(self) -> list[Entry]:
        return [
            Entry(
                os.fsencode(name),
                os.fsencode(name),
                7,
                0,
                "model",
                "",
                "done",
                7,
                (self.output / name).stat().st_mtime_ns,
                input=os.fsencode(self.inbox / name),
            )
            for name in self.names
        ]

    def left(self) -> list[str]:
        return sorted(path.name for path in self.output.glob("*.png"))


def test_the_output_goes_with_its_source_and_the_journal_forgets_it(tmp_path: Path) -> None:
    made = Made(tmp_path, 3)
    (made.inbox / "1.png").unlink()
    with Journal(made.output) as journal:
        journal.record(made.entries())
        assert mirror(journal, made.output, made.inbox).deleted == (made.output / "1.png",)
        assert journal.entry(b"1.png") is None
        assert journal.entry(b"0.png") is not None
        assert mirror(journal, made.output, made.inbox).deleted == ()
    assert made.left() == ["0.png", "2.png"]


def test_what_imgtrans_did_not_make_stays(tmp_path: Path) -> None:
    made = Made(tmp_path, 3)
    entries = made.entries()
    (made.inbox / "1.png").unlink()
    (made.output / "1.png").write_bytes(b"somebody's own")
    with Journal(made.output) as journal:
        journal.record(entries)
        assert mirror(journal, made.output, made.inbox).deleted == ()
    assert made.left() == ["0.png", "1.png", "2.png"]


def test_a_disk_that_is_not_mounted_deletes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FEW", 1)
    made = Made(tmp_path, 5)
    for name in made.names[:3]:
        (made.inbox / name).unlink()
    with Journal(made.output) as journal:
        journal.record(made.entries())
        told = mirror(journal, made.output, made.inbox)
        assert told.deleted == ()
        assert told.problem.startswith("3 of 5 sources are gone from ")
        monkeypatch.undo()
        for name in made.names[3:]:
            (made.inbox / name).unlink()
        assert mirror(journal, made.output, made.inbox).problem.startswith("5 of 5 ")
        made.inbox.rmdir()
        assert mirror(journal, made.output, made.inbox, emptied=True).deleted == ()
    assert len(made.left()) == 5


@pytest.mark.skipif(os.name == "nt", reason="needs rights")
def test_a_source_that_cannot_be_looked_at_may_be_there(nobodys: Path) -> None:
    made = Made(nobodys, 2)
    with Journal(made.output) as journal:
        journal.record(made.entries())
        made.inbox.chmod(0)
        assert mirror(journal, made.output, made.inbox).deleted == ()
        made.inbox.chmod(0o700)


def test_an_inbox_that_is_known_to_be_there_may_be_emptied(tmp_path: Path) -> None:
    made = Made(tmp_path, 2)
    with Journal(made.output) as journal:
        journal.record(made.entries())
        for name in made.names:
            (made.inbox / name).unlink()
        assert mirror(journal, made.output, made.inbox).deleted == ()
        assert len(mirror(journal, made.output, made.inbox, emptied=True).deleted) == 2


def test_another_inboxes_outputs_are_none_of_its_business(tmp_path: Path) -> None:
    made = Made(tmp_path, 2)
    other = tmp_path / "inbox2"
    other.mkdir()
    with Journal(made.output) as journal:
        journal.record(made.entries())
        (made.inbox / "0.png").unlink()
        assert mirror(journal, made.output, other).deleted == ()


def test_nothing_is_deleted_if_the_inbox_is_not_the_folder_it_was(tmp_path: Path) -> None:
    def check() -> None:
        raise AwayError("another disk")

    made = Made(tmp_path, 3)
    (made.inbox / "1.png").unlink()
    with Journal(made.output) as journal:
        journal.record(made.entries())
        with pytest.raises(AwayError):
            mirror(journal, made.output, made.inbox, check)
    assert len(made.left()) == 3
