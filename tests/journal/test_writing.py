import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from imgtrans.errors import FilesError
from imgtrans.journal import database as module
from imgtrans.journal.database import on_network
from imgtrans.journal.entry import Entry
from imgtrans.journal.reading import JournalReader
from imgtrans.journal.writing import Journal

ENTRY = Entry(b"a.jpg", b"a.jpg", 10, 20, "model", "settings", "done", 30, 40)


def test_what_is_recorded_is_there_when_opened_again(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.record([ENTRY])
    with Journal(tmp_path) as journal:
        assert journal.entry(b"a.jpg") == ENTRY
        assert journal.entry(b"b.jpg") is None


def test_names_are_bytes(tmp_path: Path) -> None:
    entry = Entry(b"latin-\xe9\n.jpg", b"x", 1, 2, "", "", "failed", error="why")
    with Journal(tmp_path) as journal:
        journal.record([entry])
        assert journal.entry(b"latin-\xe9\n.jpg") == entry


def test_a_second_run_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    with Journal(tmp_path), pytest.raises(FilesError, match="in use by another run"):
        Journal(tmp_path)
    with Journal(tmp_path):  # and let in once the first has ended
        pass


def test_a_damaged_journal_is_one_sentence_and_lets_go_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / ".imgtrans").mkdir()
    (tmp_path / ".imgtrans" / "journal.sqlite").write_bytes(b"not a database" * 100)
    for _ in range(2):
        with pytest.raises(FilesError, match="cannot be used"):
            Journal(tmp_path)


def test_a_reader_makes_nothing(tmp_path: Path) -> None:
    with JournalReader(tmp_path) as reader:
        assert reader.entry(b"a.jpg") is None
    assert list(tmp_path.iterdir()) == []


def test_a_reader_sees_what_a_run_is_doing(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.record([ENTRY])
        with JournalReader(tmp_path) as reader:
            assert reader.entry(b"a.jpg") == ENTRY


def test_a_journal_of_before_the_inputs_were_noted_goes_on(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.record([ENTRY])
    database = sqlite3.connect(tmp_path / ".imgtrans" / "journal.sqlite")
    database.executescript("ALTER TABLE images DROP COLUMN input; DROP TABLE run")
    database.close()
    with JournalReader(tmp_path) as reader:
        assert [*reader.entries()] == [ENTRY]
        assert reader.last_runs() == []
    with Journal(tmp_path) as journal:
        assert journal.entry(b"a.jpg") == ENTRY
        journal.record([replace(ENTRY, input=b"/photos/a.jpg")])
        assert journal.entry(b"a.jpg") == replace(ENTRY, input=b"/photos/a.jpg")


def test_a_journal_in_a_folder_that_cannot_be_written_can_be_read(nobodys: Path) -> None:
    with Journal(nobodys) as journal:
        journal.record([ENTRY])
    (nobodys / ".imgtrans").chmod(0o500)
    with JournalReader(nobodys) as reader:
        assert [*reader.entries()] == [ENTRY]


def test_a_damaged_journal_is_one_sentence_for_a_reader_too(tmp_path: Path) -> None:
    (tmp_path / ".imgtrans").mkdir()
    (tmp_path / ".imgtrans" / "journal.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(FilesError, match="cannot be used"):
        JournalReader(tmp_path)


def test_a_journal_whose_maker_was_killed_before_it_was_begun_is_as_none(tmp_path: Path) -> None:
    (tmp_path / ".imgtrans").mkdir()
    for name in ("journal.sqlite", "shard-1-of-2.sqlite"):
        sqlite3.connect(tmp_path / ".imgtrans" / name).execute("CREATE TABLE unrelated (x)").connection.close()
    (tmp_path / ".imgtrans" / "shard-2-of-2.sqlite").touch()
    with JournalReader(tmp_path) as reader:
        assert [*reader.entries()] == [] and reader.last_runs() == []
    with Journal(tmp_path) as journal:
        journal.record([ENTRY])
        assert [path.name for path in (tmp_path / ".imgtrans").glob("*.sqlite")] == ["journal.sqlite"]


def test_a_journal_that_cannot_be_written_is_one_sentence_and_keeps_what_it_had(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.record([ENTRY])
        journal._database.execute("PRAGMA max_page_count=1")  # as full as a disk
        with pytest.raises(FilesError, match="cannot be written any more"):
            journal.record(replace(ENTRY, output=b"%d.jpg" % number, error="x" * 500) for number in range(100))
        assert journal.entry(b"0.jpg") is None
        assert journal.entry(b"a.jpg") == ENTRY


def test_failures_are_found_and_can_be_forgotten(tmp_path: Path) -> None:
    failed = replace(ENTRY, output=b"b.jpg", state="failed")
    with Journal(tmp_path) as journal:
        journal.record([ENTRY, failed])
        assert [*journal.failed()] == [failed]
        journal.forget([b"b.jpg"])
        assert [*journal.failed()] == []
        assert not journal.empty
        journal.forget([b"a.jpg"])
        assert journal.empty


def test_an_older_output_stays_known_when_it_is_forgotten_that_a_newer_one_has_failed(tmp_path: Path) -> None:
    failed = replace(ENTRY, state="failed", error="broken", output_size=7, output_mtime_ns=8)
    with Journal(tmp_path) as journal:
        journal.record([failed, replace(failed, output=b"b.jpg", output_size=0), replace(ENTRY, output=b"c.jpg")])
        journal.forget_failures([b"a.jpg", b"b.jpg", b"c.jpg"])
        assert [*journal.failed()] == [] and journal.entry(b"b.jpg") is None
        assert journal.entry(b"a.jpg") == replace(failed, state="done", error="", size=0, mtime_ns=0)
        assert journal.entry(b"c.jpg") == replace(ENTRY, output=b"c.jpg")


def test_wal_is_not_used_on_network_file_systems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not on_network(tmp_path)
    monkeypatch.setattr(module, "on_network", lambda folder: True)
    with Journal(tmp_path):
        pass
    database = sqlite3.connect(tmp_path / ".imgtrans" / "journal.sqlite")
    assert database.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    database.close()
