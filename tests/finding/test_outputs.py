from pathlib import Path

import pytest

from imgtrans.batch.asked import Request
from imgtrans.batch.request import prepare
from imgtrans.batch.run import run
from imgtrans.finding.file import look_at
from imgtrans.finding.outputs import KnownOutputs, is_output_folder
from imgtrans.journal.location import FOLDER
from imgtrans.zoo.store import Model
from tests.batch.test_run import Listener
from tests.pictures import save


@pytest.fixture
def photos(tmp_path: Path, tiny: Model) -> Path:
    """A folder of pictures, beside which is what was made of it, and in which is what was made of one of them."""
    save(tmp_path / "photos" / "a.png")
    save(tmp_path / "photos" / "sub" / "b.png", seed=1)
    translate(tmp_path / "photos")
    translate(tmp_path / "photos" / "a.png")
    return tmp_path / "photos"


def translate(*inputs: Path, **options: object):
    return run(prepare(Request([*inputs], "tiny", device="cpu", **options)), Listener())  # type: ignore[arg-type]


def made(*paths: Path) -> list[bool]:
    with KnownOutputs() as known:
        return [known.made(look_at(path)) for path in paths]


def test_what_imgtrans_made_is_known_wherever_its_journal_is(photos: Path) -> None:
    out = photos.with_name("photos-tiny")
    assert made(out / "a.png", out / "sub" / "b.png", photos / "a-tiny.png") == [True, True, True]
    assert made(photos / "a.png", photos / "sub" / "b.png", save(out / "new.png")) == [False, False, False]
    assert is_output_folder(out) and is_output_folder(photos) and not is_output_folder(photos / "sub")


def test_what_somebody_has_changed_since_is_a_picture_like_any_other(photos: Path) -> None:
    assert made(save(photos / "a-tiny.png", seed=9, width=50)) == [False]


def test_outputs_are_no_inputs_unless_they_are_asked_for(photos: Path) -> None:
    report = translate(photos.parent, output=photos.parent.parent / f"{photos.parent.name}-out")
    assert (report.translated, report.outputs, report.ignored) == (2, 3, 0)
    report = translate(photos.parent, output=photos.parent.parent / f"{photos.parent.name}-out", include_outputs=True)
    assert (report.translated, report.skipped, report.outputs) == (3, 2, 0)


def test_what_was_made_of_single_pictures_is_not_translated_again_with_their_folder(photos: Path) -> None:
    report = translate(photos)
    assert (report.translated, report.skipped, report.outputs) == (0, 2, 1)
    assert not (photos / FOLDER).exists()  # the user's folder holds pictures only


def test_a_journal_that_cannot_be_read_knows_nothing(photos: Path) -> None:
    out = photos.with_name("photos-tiny")
    for path in (out / FOLDER).glob("journal.sqlite*"):
        path.unlink()
    (out / FOLDER / "journal.sqlite").write_bytes(b"no database" * 100)
    assert made(out / "a.png") == [False]
