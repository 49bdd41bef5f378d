from collections.abc import Callable
from pathlib import Path

import pytest

from imgtrans.batch.commit import commit
from imgtrans.batch.plan import Recipe
from imgtrans.errors import FilesError
from imgtrans.journal.status import read_status
from imgtrans.journal.writing import Journal
from imgtrans.protocols import Item, Outcome
from tests.pictures import save

RECIPE = Recipe("model", "settings")


def item(folder: Path, name: str) -> Item:
    picture = save(folder / "in" / name)
    status = picture.stat()
    return Item(picture, folder / "out" / name, name.encode(), name.encode(), "PNG", status.st_size, status.st_mtime_ns)


def made(folder: Path, name: str, error: str = "") -> Outcome:
    (folder / "out").mkdir(exist_ok=True)
    temporary = folder / "out" / f".imgtrans-{name}.tmp"
    temporary.write_text(name)
    return Outcome(item(folder, name), None if error else temporary, error)


def states(out: Path) -> dict[str, tuple[str, str]]:
    with read_status(out) as status:
        return {one.output.name: (one.state, one.reason) for one in status.standings()}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An output folder with two pictures done and one failed."""
    outcomes = [made(tmp_path, "a.png"), made(tmp_path, "b.png"), made(tmp_path, "c.png", "c.png is broken.")]
    with Journal(tmp_path / "out") as journal:
        journal.begin("a2b", RECIPE.model, RECIPE.settings)
        commit(outcomes, RECIPE, journal)
    return tmp_path / "out"


def test_what_is_done_and_what_failed_is_known_with_its_reason(out: Path) -> None:
    assert states(out) == {"a.png": ("done", ""), "b.png": ("done", ""), "c.png": ("failed", "c.png is broken.")}


def test_the_pictures_are_named_by_where_they_are(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    with read_status(out) as status:
        assert [one.input for one in status.standings()] == [out.parent / "in" / f"{name}.png" for name in "abc"]


def lose(out: Path) -> None:
    (out / "a.png").unlink()


def change_output(out: Path) -> None:
    (out / "a.png").write_text("somebody's")


def change_input(out: Path) -> None:
    save(out.parent / "in" / "a.png", width=99)


@pytest.mark.parametrize(
    ("happens", "reason"),
    [(lose, "is gone"), (change_output, "is not what imgtrans made"), (change_input, "has changed since")],
)
def test_what_would_be_done_again_is_outdated(out: Path, happens: Callable[[Path], None], reason: str) -> None:
    happens(out)
    state, why = states(out)["a.png"]
    assert state == "outdated" and reason in why
    assert states(out)["b.png"] == ("done", "")


def test_what_was_made_of_a_picture_that_is_gone_is_still_done(out: Path) -> None:
    (out.parent / "in" / "a.png").unlink()
    assert states(out)["a.png"] == ("done", "")


def test_what_another_model_made_is_outdated_until_the_run_that_was_stopped_has_ended(out: Path) -> None:
    with pytest.raises(KeyboardInterrupt), Journal(out) as journal:
        journal.expect(3, True)
        journal.begin("b2a", "other", RECIPE.settings)
        commit([made(out.parent, "a.png")], Recipe("other", RECIPE.settings), journal)
        raise KeyboardInterrupt
    assert [state for state, _ in states(out).values()] == ["done", "outdated", "failed"]
    with read_status(out) as status:
        assert status.runs[0].name == "b2a"
        assert status.left == 2
    with Journal(out) as journal:
        journal.begin("b2a", "other", RECIPE.settings)
    assert [state for state, _ in states(out).values()] == ["done", "done", "failed"]


def test_what_was_about_to_be_put_in_its_place_is_interrupted(out: Path) -> None:
    about = made(out.parent, "d.png")
    assert about.temporary
    with Journal(out) as journal:
        journal.record([RECIPE.entry(about.item, "writing", about.temporary.stat())])
    assert states(out)["d.png"][0] == "interrupted"
    about.temporary.replace(out / "d.png")  # the power failed a moment later
    assert states(out)["d.png"] == ("done", "")


def test_a_run_is_at_work_until_it_ends(out: Path) -> None:
    def run() -> tuple[bool, bool]:
        with read_status(out) as status:
            return status.runs[0].at_work, bool(status.runs[0].ended)

    assert run() == (False, True)
    with pytest.raises(KeyboardInterrupt), Journal(out) as journal:
        journal.begin("a2b", "model", "settings")
        assert run() == (True, False)
        raise KeyboardInterrupt
    assert run()[1] is False


def test_a_process_that_was_killed_is_not_at_work(out: Path) -> None:
    with Journal(out) as journal:
        journal.begin("a2b", "model", "settings")
        journal._database.execute("UPDATE run SET process = replace(process, ' ', ' 0')")  # started at another time
        with read_status(out) as status:
            assert not status.runs[0].at_work


def test_more_than_a_page_of_pictures_is_read(out: Path) -> None:
    one = made(out.parent, "a.png").item
    with Journal(out) as journal:
        journal.record(
            RECIPE.entry(Item(one.input, one.output, b"%05d" % number, b"", "PNG", 1, 1), "failed", error="x")
            for number in range(2500)
        )
    with read_status(out) as status:
        assert sum(1 for _ in status.standings()) == 2503


def test_a_folder_that_nothing_was_translated_into_is_said(tmp_path: Path) -> None:
    with pytest.raises(FilesError, match="has no journal"), read_status(tmp_path):
        pass
    with pytest.raises(FilesError, match="is not there"), read_status(tmp_path / "nowhere"):
        pass
