import os
from pathlib import Path

import pytest

from imgtrans.errors import FilesError
from imgtrans.finding.inputs import Named, distinct
from tests.pictures import save


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with ``in/a.png``, ``in/sub/b.png``, ``in/.hidden/c.png`` and the link ``link`` to ``in``."""
    for name in ("in/a.png", "in/sub/b.png", "in/.hidden/c.png"):
        save(tmp_path / name)
    (tmp_path / "link").symlink_to("in")
    (tmp_path / "alias.png").symlink_to(tmp_path / "in" / "a.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("named", "left"),
    [
        (["in", "./in", "in/", "in/../in"], ["in"]),
        (["in", "link"], ["in"]),
        (["link", "in"], ["link"]),
        (["in/a.png", "in/../in/a.png", "link/a.png", "alias.png"], ["in/a.png"]),
        (["in/a.png", "in"], ["in"]),
        (["in", "in/sub", "in/sub/b.png"], ["in"]),
        (["in", "in/.hidden/c.png"], ["in", "in/.hidden/c.png"]),  # which a walk does not meet
        (["in/sub", "in/a.png"], ["in/sub", "in/a.png"]),
        (["gone", "in"], ["gone", "in"]),
    ],
    ids=str,
)
def test_what_is_named_twice_by_whatever_way_counts_once(tree: Path, named: list[str], left: list[str]) -> None:
    assert list(map(str, distinct([Path(os.path.normpath(path) if "sub" in path else path) for path in named]))) == [
        str(Path(path)) for path in left
    ]


@pytest.mark.parametrize(
    ("root", "target"),
    [
        ("in", "in"), ("in", "in/out"), ("in", "link/new/deep"), ("in/a.png", "in/sub"), ("link", "in/x"),
        ("in", "./in/sub/.."),
    ],
)  # fmt: skip
def test_outputs_do_not_fall_into_an_input_folder(tree: Path, root: str, target: str) -> None:
    with pytest.raises(FilesError, match="which is an input"):
        Named([Path("in"), Path(root)]).check_apart(Path(root), Path(target))


def test_outputs_may_go_above_an_input_unless_its_tree_would_lead_back_into_it(tree: Path) -> None:
    named = Named([Path("in")])
    named.check_apart(Path("in"), Path())
    (tree / "in" / "in").mkdir()
    with pytest.raises(FilesError, match="which is an input"):
        named.check_apart(Path("in"), Path())


def test_a_folder_that_a_link_leads_into_an_input_is_known(tree: Path) -> None:
    (tree / "out").mkdir()
    (tree / "out" / "x").symlink_to(tree / "in" / "sub")
    named = Named([Path("in")])
    assert named.holding(tree / "out") is None
    assert named.holding(tree / "out" / "x" / "new") == Path("in")


def test_files_that_the_user_named_are_known_by_whatever_name(tree: Path) -> None:
    named = Named([Path("in/a.png")])
    assert named.is_one((tree / "alias.png").stat())
    assert not named.is_one((tree / "in" / "sub" / "b.png").stat())
