from pathlib import Path

from imgtrans.finding.file import look_at
from tests.pictures import save


def test_a_single_file_is_named_by_its_name(tmp_path: Path) -> None:
    found = look_at(save(tmp_path / "some" / "a.png"))
    assert (found.relative, found.format) == (Path("a.png"), "PNG")


def test_a_single_file_that_is_no_picture_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a picture")
    assert "is not a picture" in look_at(tmp_path / "notes.txt").problem
