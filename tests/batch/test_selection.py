import io
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgtrans.batch.scan import scan
from imgtrans.batch.selection import Selection
from imgtrans.errors import FilesError, UsageError
from tests.pictures import save


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("*.jpg", ["a.jpg", "x/y/a.jpg", ".jpg"], ["a.png", "a.jpg.png", "ajpg"]),
        ("a.jpg", ["a.jpg", "x/a.jpg"], ["aXjpg", "ba.jpg"]),
        ("/a.jpg", ["a.jpg"], ["x/a.jpg"]),
        ("x/*.jpg", ["x/a.jpg"], ["x/y/a.jpg", "z/x/a.jpg", "a.jpg"]),
        ("x/**", ["x/a.jpg", "x/y/a.png"], ["x", "a.jpg", "z/x/a.jpg"]),
        ("**/y/*.jpg", ["y/a.jpg", "x/y/a.jpg", "w/x/y/a.jpg"], ["x/ya.jpg", "xy/a.jpg", "y/z/a.jpg"]),
        ("x/**/a.jpg", ["x/a.jpg", "x/y/a.jpg", "x/y/z/a.jpg"], ["xa.jpg", "x/ba.jpg"]),
        ("holiday", ["holiday/a.jpg", "2020/holiday/x/a.jpg"], ["holidays/a.jpg", "a.jpg"]),
        ("holiday/", ["holiday/a.jpg", "2020/holiday/x/a.jpg"], ["holidays/a.jpg"]),
        ("?.jpg", ["a.jpg", "é.jpg"], ["ab.jpg", ".jpg"]),
        ("[ab]?.jpg", ["a1.jpg", "b2.jpg"], ["c1.jpg"]),
        ("[!ab].jpg", ["c.jpg"], ["a.jpg", "x/b.jpg"]),
        ("[a-c].jpg", ["b.jpg"], ["d.jpg", "-.jpg"]),
        ("[].jpg", ["[].jpg"], ["a.jpg"]),
        ("[a.jpg", ["[a.jpg"], ["a.jpg"]),
        ("[z-a].jpg", ["[z-a].jpg"], ["z.jpg"]),
        ("[!]", ["[!]"], ["a"]),
        ("[]-]", ["]", "-"], ["a"]),
        ("a+(b).jpg", ["a+(b).jpg"], ["aab.jpg"]),
        ("*.JPG", ["a.jpg", "A.Jpg"], ["a.jpeg"]),
        ("caf\u00e9*", ["cafe\u0301.jpg", "CAF\u00c9.jpg"], ["cafe.jpg"]),
        ("*", ["a\nb.jpg", "x/y.png"], []),
    ],
)
def test_patterns_match_as_the_page_says(pattern: str, matching: list[str], others: list[str]) -> None:
    for selection, taken in ((Selection((pattern,)), True), (Selection(exclude=(pattern,)), False)):
        for name in matching:
            assert selection.takes(Path(name)) is taken, name
        for name in others:
            assert selection.takes(Path(name)) is not taken, name


@given(pattern=st.text("[]!^-\\&|~a*?/.(", min_size=1).filter(lambda text: text.strip("/")))
def test_any_pattern_is_understood_and_a_name_without_wildcards_matches_itself(pattern: str) -> None:
    Selection((pattern,)).takes(Path("a"))
    plain = pattern.translate(str.maketrans("", "", "[*?/."))
    assert not plain or Selection((plain,)).takes(Path(plain))


def test_patterns_add_up_and_exclusion_wins() -> None:
    selection = Selection(("*.jpg", "*.png"), ("raw", "*-old.*"))
    taken = [name for name in ("a.jpg", "b.png", "c.gif", "raw/a.jpg", "a-old.png") if selection.takes(Path(name))]
    assert taken == ["a.jpg", "b.png"]


def test_names_that_are_no_text_match_too() -> None:
    assert Selection(("caf*.png",)).takes(Path(os.fsdecode(b"caf\xe9.png")))


@pytest.mark.parametrize("patterns", [{"include": ("",)}, {"exclude": ("*.jpg", "/")}])
def test_an_empty_pattern_is_refused(patterns: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(UsageError, match="empty pattern"):
        Selection(**patterns)  # type: ignore[arg-type]


def met(root: Path, selection: Selection, exclude: tuple[Path, ...] = ()) -> dict[str, str]:
    return {str(found.relative): found.problem for found in scan(root, exclude, selection)}


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
    assert [*met(tree / "a.png", Selection(("*.jpg",)))] == []


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
    assert len([*scan(Path("photos"), (), Selection(files_from=path))]) == 3


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
    found = [*scan(tree, {(tree / "out").resolve()}, Selection(files_from=path))]
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
