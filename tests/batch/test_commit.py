import os
from pathlib import Path

import pytest

from imgtrans.batch import commit as module
from imgtrans.batch.commit import commit
from imgtrans.batch.plan import Recipe
from imgtrans.journal.writing import Journal
from imgtrans.protocols import Item, Outcome

RECIPE = Recipe("model", "settings")


def finished(folder: Path, name: str) -> Outcome:
    temporary = folder / f".imgtrans-{name}.tmp"
    temporary.write_text(name)
    item = Item(folder / "in" / name, folder / name, name.encode(), name.encode(), "PNG", 1, 2)
    return Outcome(item, temporary, pixels=1)


def test_outputs_stand_in_their_places_and_in_the_journal(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        outcomes = commit([finished(tmp_path, "a"), finished(tmp_path, "b")], RECIPE, journal)
        assert [outcome.error for outcome in outcomes] == ["", ""]
        for name in ("a", "b"):
            status = (tmp_path / name).stat()
            entry = journal.entry(name.encode())
            assert entry is not None
            assert (entry.state, entry.output_size, entry.output_mtime_ns) == (
                "done",
                status.st_size,
                status.st_mtime_ns,
            )
    assert sorted(path.name for path in tmp_path.iterdir()) == [".imgtrans", "a", "b"]


def test_the_order_survives_a_power_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Intent in the journal, then the rename, then the folder on disk, and only then "done"."""
    events: list[str] = []
    record, replace, fsync = Journal.record, os.replace, module.fsync_folder

    def recording(journal: Journal, entries: object) -> None:
        entries = list(entries)  # type: ignore[call-overload]
        events.extend(entry.state for entry in entries)
        record(journal, entries)

    monkeypatch.setattr(Journal, "record", recording)
    monkeypatch.setattr(os, "replace", lambda a, b: (events.append("replace"), replace(a, b)))
    monkeypatch.setattr(module, "fsync_folder", lambda folder: (events.append("fsync folder"), fsync(folder)))
    with Journal(tmp_path) as journal:
        commit([finished(tmp_path, "a")], RECIPE, journal)
    assert events == ["writing", "replace", "fsync folder", "done"]


def test_one_output_that_cannot_be_put_in_place_fails_alone(tmp_path: Path) -> None:
    (tmp_path / "a" / "in the way").mkdir(parents=True)
    with Journal(tmp_path) as journal:
        bad, good = commit([finished(tmp_path, "a"), finished(tmp_path, "b")], RECIPE, journal)
        assert "cannot be written" in bad.error
        assert good.error == ""
        entry = journal.entry(b"a")
        assert entry is not None and entry.state == "failed"
    assert not list(tmp_path.glob(".imgtrans-*.tmp"))


class Killed(BaseException):
    """As sudden as SIGKILL."""


def test_an_older_output_stays_ours_when_the_power_fails_before_it_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise Killed

    with Journal(tmp_path) as journal:
        commit([finished(tmp_path, "a")], RECIPE, journal)
        older = (tmp_path / "a").stat()
        again = finished(tmp_path, "a")
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(os, "replace", killed)
            commit([again], Recipe("model", "others"), journal)
        entry = journal.entry(b"a")
        assert entry is not None and entry.state == "writing"
        assert entry.made(older)

        commit([again], Recipe("model", "others"), journal)
        entry = journal.entry(b"a")
        assert entry is not None and entry.state == "done"
        assert entry.made((tmp_path / "a").stat()) and not entry.made(older)


def test_an_older_output_stays_ours_when_it_cannot_be_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    with Journal(tmp_path) as journal:
        commit([finished(tmp_path, "a")], RECIPE, journal)
        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", refused)
            (outcome,) = commit([finished(tmp_path, "a")], Recipe("model", "others"), journal)
        entry = journal.entry(b"a")
    assert "Permission denied" in outcome.error
    assert entry is not None and entry.state == "failed"
    assert entry.made((tmp_path / "a").stat())


def test_a_failure_does_not_make_an_older_output_a_strangers(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        (done,) = commit([finished(tmp_path, "a")], RECIPE, journal)
        before = journal.entry(b"a")
        commit([Outcome(done.item, None, "broken now")], RECIPE, journal)
        after = journal.entry(b"a")
    assert before is not None and after is not None
    assert (after.state, after.error) == ("failed", "broken now")
    assert (after.output_size, after.output_mtime_ns) == (before.output_size, before.output_mtime_ns)
