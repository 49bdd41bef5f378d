import io
import os
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from imgtrans.errors import FilesError
from imgtrans.finding.file import Found
from imgtrans.finding.listing import listed
from imgtrans.finding.selection import Selection
from imgtrans.finding.walk import Place, files_below
from tests.pictures import save


def scan(root: Path, selection: Selection, closed: Collection[str] = ()) -> Iterator[Found]:
    if selection.files_from:
        return listed(root, closed, selection)
    return files_below(Place.of(root), closed, selection)


def met(root: Path, selection: Selection) -> dict[str, str]:
    return {str(found.relative): found.problem for found in scan(root, selection)}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with three pictures."""
    for name in ("a.png", "x/b.png", "x/y/c.jpg"):
        save(tmp_path / "photos" / name)
    return tmp_path / "photos"


def test_what_is_not_selected_is_not_even_opened(tree: Path) -> None:
    os.mkfifo(tree / "pipe.png")
    assert [*met(tree, Selection(("x/**",), ("*.jpg",)))] == ["x/b.png"]
    assert [*met(tree, Selection(exclude=("x", "pipe*")))] == ["a.png"]


def list_in(folder: Path, content: bytes) -> Path:
    (folder / "list").write_bytes(content)
    return folder / "list"


def test_only_what_is_listed_is_met_under_its_usual_name(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree.parent)
    path = list_in(
        tree.parent, b"photos/x/y/c.jpg\n\nphotos/./a.png\n" + os.fsencode(tree / "a.png") + b"\nphotos/no.png"
    )
    assert met(Path("photos"), Selection(files_from=path)) == {
        "x/y/c.jpg": "", "a.png": "", "no.png": "photos/no.png is not there.",
    }  # fmt: skip
    assert len([*scan(Path("photos"), Selection(files_from=path))]) == 3


def test_a_listed_folder_is_walked_and_patterns_hold(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree.parent)
    path = list_in(tree.parent, b"photos/x\nphotos/a.png\n")
    assert [*met(Path("photos"), Selection(files_from=path))] == ["x/b.png", "x/y/c.jpg", "a.png"]
    assert [*met(Path("photos"), Selection(("*.png",), ("x",), files_from=path))] == ["a.png"]


def test_what_is_listed_from_elsewhere_is_a_problem_unless_it_may_be_anywhere(tree: Path, tmp_path: Path) -> None:
    other = save(tmp_path / "other" / "d.png")
    path = list_in(tmp_path, os.fsencode(other))
    (problem,) = met(tree, Selection(files_from=path)).values()
    assert problem == f"{other} is not in {tree}."
    relative = str(other.relative_to(other.anchor))
    assert met(tree, Selection(files_from=path, anywhere=True)) == {relative: ""}


def test_hidden_files_other_files_and_outputs_may_be_in_the_list_of_find(tree: Path) -> None:
    (tree / "notes.txt").write_text("none")
    save(tree / ".hidden.png")
    save(tree / "out" / "a.png")
    path = list_in(tree.parent, b"\n".join(os.fsencode(one) for one in sorted(tree.rglob("*.*"))))
    found = [*scan(tree, Selection(files_from=path), [str((tree / "out").resolve())])]
    assert [str(one.relative) for one in found if one.format] == ["a.png", "x/b.png", "x/y/c.jpg"]
    assert [one for one in found if one.problem] == []


def test_a_list_may_be_separated_by_nul_and_hold_any_bytes(tmp_path: Path, undecodable_name: str) -> None:
    names = [undecodable_name, "a\nb.png", " .png"]
    for name in names:
        save(tmp_path / name, format="PNG")
    path = list_in(tmp_path, b"".join(os.fsencode(tmp_path / name) + b"\0" for name in names))
    assert [*met(tmp_path, Selection(files_from=path, null=True))] == names
    with pytest.raises(FilesError, match="separated by NUL"):
        met(tmp_path, Selection(files_from=path))


def test_a_list_may_come_from_standard_input(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(os.fsencode(tree / "a.png") + b"\n")))
    assert met(tree, Selection(files_from=Path("-"))) == {"a.png": ""}
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(FilesError, match="standard input is closed"):
        met(tree, Selection(files_from=Path("-")))


@pytest.mark.parametrize("name", ["nowhere", "photos"])
def test_a_list_that_cannot_be_read_is_one_sentence(tree: Path, name: str) -> None:
    with pytest.raises(FilesError, match=r"the list in .* cannot be read"):
        met(tree, Selection(files_from=tree.parent / name))


def test_what_find_lists_counts_once_the_folders_too(tree: Path) -> None:
    every = b"\0".join(os.fsencode(one) for one in [tree, *sorted(tree.rglob("*")), tree / "x" / ".." / "a.png"])
    found = [str(one.relative) for one in scan(tree, Selection(files_from=list_in(tree.parent, every), null=True))]
    assert sorted(found) == ["a.png", "x/b.png", "x/y/c.jpg"]
    backwards = b"\0".join(reversed(every.split(b"\0")))
    found = [str(one.relative) for one in scan(tree, Selection(files_from=list_in(tree.parent, backwards), null=True))]
    assert sorted(found) == ["a.png", "x/b.png", "x/y/c.jpg"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_list_is_read_however_its_lines_end_and_it_is_marked(
    tree: Path, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tree.parent)
    save(tree / "é.png")
    content = "photos/a.png\r\nphotos/é.png\r\nphotos/x/b.png".encode(encoding)
    assert met(Path("photos"), Selection(files_from=list_in(tree.parent, content))) == {
        "a.png": "", "é.png": "", "x/b.png": "",
    }  # fmt: skip
