import os
import shutil
import subprocess
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from imgtrans.finding.file import Found
from imgtrans.finding.walk import Place, files_below
from tests.pictures import save


def scan(root: Path, closed: Collection[str] = ()) -> Iterator[Found]:
    return files_below(Place.of(root), closed)


def pictures(root: Path, closed: Collection[str] = ()) -> list[str]:
    return [str(found.relative) for found in scan(root, closed) if found.format]


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
    assert len(found) == 4  # what imgtrans remembers is not even counted


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
    assert pictures(tmp_path, [str((tmp_path / "out").resolve())]) == ["a.png"]


def test_names_need_not_be_unicode(tmp_path: Path) -> None:
    name = os.fsdecode(b"latin-\xe9.png")
    save(tmp_path / name, format="PNG")
    assert pictures(tmp_path) == [name]


@pytest.mark.parametrize(
    "name",
    [".DS_Store", "._a.png", "Thumbs.db", "THUMBS.DB", "desktop.ini", ".picasa.ini"],
)
def test_a_systems_files_are_no_pictures_even_if_they_look_it(tmp_path: Path, name: str) -> None:
    save(tmp_path / "a.png")
    (tmp_path / name).write_bytes((tmp_path / "a.png").read_bytes())
    assert pictures(tmp_path) == ["a.png"]
    assert [found.problem for found in scan(tmp_path)] == ["", ""]


@pytest.mark.parametrize(
    "name",
    ["@eaDir", "@EADIR", "__MACOSX", ".stfolder", ".stversions", ".Trashes", ".Spotlight-V100", "$RECYCLE.BIN", ".git"],
)
def test_a_systems_folders_are_not_entered(tmp_path: Path, name: str) -> None:
    save(tmp_path / "a.png")
    save(tmp_path / "x" / name / "y" / "b.png")
    assert pictures(tmp_path) == ["a.png"]
    assert len([*scan(tmp_path)]) == 2  # the folder counts as one


def test_links_in_circles_of_every_kind_end(tmp_path: Path) -> None:
    save(tmp_path / "a" / "x.png")
    save(tmp_path / "b" / "y.png")
    (tmp_path / "a" / "to-b").symlink_to(tmp_path / "b")
    (tmp_path / "b" / "to-a").symlink_to(tmp_path / "a")
    (tmp_path / "self.png").symlink_to(tmp_path / "self.png")
    (tmp_path / "a" / "up").symlink_to("..")
    assert pictures(tmp_path) == ["a/x.png", "a/to-b/y.png", "b/y.png", "b/to-a/x.png"]
    (problem,) = [found.problem for found in scan(tmp_path) if found.problem]
    assert problem.startswith(f"{tmp_path / 'self.png'} cannot be read: ")


def test_an_input_that_is_a_link_to_a_folder_is_walked(tmp_path: Path) -> None:
    save(tmp_path / "real" / "x" / "a.png")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert pictures(tmp_path / "link") == ["x/a.png"]


def test_the_output_folder_is_not_entered_by_a_link_either(tmp_path: Path) -> None:
    save(tmp_path / "in" / "a.png")
    save(tmp_path / "in" / "out" / "b.png")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "in" / "out")
    assert pictures(tmp_path / "in", [str((tmp_path / "in" / "out").resolve())]) == ["a.png"]


def test_folders_may_be_deeper_than_python_recurses(tmp_path: Path) -> None:
    here = Path.cwd()
    os.chdir(tmp_path)  # a path of so many folders is too long to be named at once
    try:
        for _ in range(1200):
            os.mkdir("d")
            os.chdir("d")
        save(Path("a.png"))
        os.chdir(tmp_path)
        assert pictures(Path()) == ["d/" * 1200 + "a.png"]
    finally:
        subprocess.run(["rm", "-rf", tmp_path / "d"], check=True)  # Python's own way recurses, too
        os.chdir(here)


@pytest.mark.parametrize("mode", [0o000, 0o100, 0o400], ids=oct)
def test_a_folder_that_cannot_be_read_is_a_problem_that_names_it_and_the_others_are_read(
    nobodys: Path, mode: int
) -> None:
    save(nobodys / "a.png")
    save(nobodys / "locked" / "b.png")
    save(nobodys / "locked" / "sub" / "c.png")
    save(nobodys / "z.png")
    (nobodys / "locked").chmod(mode)
    found = {str(one.relative): one.problem for one in scan(nobodys)}
    assert found == {"a.png": "", "locked": f"{nobodys / 'locked'} cannot be read: Permission denied.", "z.png": ""}


def test_a_picture_that_may_not_be_read_is_a_problem_and_another_file_is_not(nobodys: Path) -> None:
    save(nobodys / "a.png").chmod(0)
    (nobodys / "notes.txt").touch(0)
    assert {str(one.relative): one.problem for one in scan(nobodys)} == {
        "a.png": f"{nobodys / 'a.png'} cannot be read: Permission denied.", "notes.txt": "",
    }  # fmt: skip


def test_what_vanishes_while_it_is_looked_for_is_a_problem_if_it_was_called_like_a_picture(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png.part", "d/e.png", "f.png"):
        save(tmp_path / name, format="PNG")
    walk = scan(tmp_path)
    assert str(next(walk).relative) == "a.png"
    (tmp_path / "b.png").unlink()
    (tmp_path / "c.png.part").unlink()
    shutil.rmtree(tmp_path / "d")
    found = {str(one.relative): one.problem for one in walk}
    for name in ("b.png", "d"):
        assert found.pop(name) == f"{tmp_path / name} cannot be read: No such file or directory."
    assert set(found.values()) == {""}
    assert "f.png" in found


def test_a_folder_that_vanishes_while_it_is_walked_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path / "d" / "a.png")
    save(tmp_path / "z.png")
    scandir = os.scandir

    def gone(path: Path | int) -> object:
        if path == tmp_path / "d":
            shutil.rmtree(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", gone)
    assert {str(one.relative): one.problem for one in scan(tmp_path)} == {
        "d": f"{tmp_path / 'd'} cannot be read: No such file or directory.", "z.png": "",
    }  # fmt: skip


def test_pipes_and_devices_are_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "null.png").symlink_to(os.devnull)
    found = {str(one.relative): bool(one.problem) for one in scan(tmp_path)}
    assert found == {"pipe": False, "pipe.png": True, "null.png": True}
