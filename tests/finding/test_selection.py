import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgtrans.errors import UsageError
from imgtrans.finding.selection import Selection


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
