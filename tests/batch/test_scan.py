import os
from pathlib import Path

import pytest

from imgtrans.batch.scan import scan
from imgtrans.errors import FilesError
from tests.pictures import save


def pictures(root: Path, **options: object) -> list[str]:
    return [str(found.relative) for found in scan(root, **options) if found.format]


def test_a_tree_is_walked_in_sorted_order(tmp_path: Path) -> None:
    for name in ("b.png", "a.jpg", "c/d/e.png", "c/a.png"):
        save(tmp_path / name)
    assert pictures(tmp_path) == ["a.jpg", "b.png", "c/a.png", "c/d/e.png"]


def test_what_is_a_picture_is_told_by_content_not_by_suffix(tmp_path: Path) -> None:
    save(tmp_path / "picture.txt", format="PNG")
    (tmp_path / "notes").write_text("not a picture")
    assert pictures(tmp_path) == ["picture.txt"]


def test_hidden_and_system_files_are_passed_over(tmp_path: Path) -> None:
    for name in (".hidden.png", "@eaDir/a.png", "__MACOSX/b.png", ".imgtrans/c.png"):
        save(tmp_path / name)
    (tmp_path / "Thumbs.db").write_bytes(b"\xff\xd8\xff")
    found = list(scan(tmp_path))
    assert [f for f in found if f.format or f.problem] == []
    assert len(found) == 5


def test_a_broken_file_with_a_pictures_name_is_a_problem_but_others_are_not(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_text("not a picture")
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / "dangling.png").symlink_to(tmp_path / "nowhere")
    problems = {str(found.relative): found.problem for found in scan(tmp_path)}
    assert "is not a picture" in problems["broken.jpg"]
    assert "dangling.png" in problems["dangling.png"]
    assert problems["notes.txt"] == ""


def test_links_to_folders_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    save(tmp_path / "root" / "a.png")
    save(tmp_path / "elsewhere" / "b.png")
    (tmp_path / "root" / "loop").symlink_to(tmp_path / "root")
    (tmp_path / "root" / "linked").symlink_to(tmp_path / "elsewhere")
    assert pictures(tmp_path / "root") == ["a.png", "linked/b.png"]


def test_an_excluded_folder_is_not_entered(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    save(tmp_path / "out" / "a.png")
    assert pictures(tmp_path, exclude=[(tmp_path / "out").resolve()]) == ["a.png"]


def test_a_single_file_is_named_by_its_name(tmp_path: Path) -> None:
    path = save(tmp_path / "some" / "a.png")
    assert pictures(path) == ["a.png"]


def test_a_single_file_that_is_no_picture_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a picture")
    (found,) = scan(tmp_path / "notes.txt")
    assert "is not a picture" in found.problem


def test_an_input_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FilesError, match="is not there"):
        list(scan(tmp_path / "nowhere"))


def test_names_need_not_be_unicode(tmp_path: Path) -> None:
    name = os.fsdecode(b"latin-\xe9.png")
    save(tmp_path / name, format="PNG")
    assert pictures(tmp_path) == [name]
