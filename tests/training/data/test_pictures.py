"""A training's pictures: found where they should be and below, and the way shown where they are elsewhere."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from imgtrans.errors import FilesError, UsageError
from imgtrans.training.data.folders import Folders, folders_of, named
from imgtrans.training.data.pictures import domains, listed, pictures_below, pictures_in

Pictures = Callable[..., None]


def hint(root: Path, domain: str = "trainA") -> str:
    with pytest.raises(FilesError) as caught:
        pictures_in(root, domain)
    return f"{caught.value.message}\n{caught.value.hint}"


def test_pictures_are_told_by_content_and_sorted(data: Path):
    (data / "trainA" / "a.txt").write_text("notes")
    (data / "trainA" / "0.png").rename(data / "trainA" / "zero")
    assert [path.name for path in pictures_in(data, "trainA")] == ["1.png", "2.png", "3.png", "4.png", "zero"]


def test_pictures_in_folders_below_count(tmp_path: Path, pictures: Pictures):
    pictures(tmp_path / "trainA" / "city" / "north", 2)
    pictures(tmp_path / "trainA" / "country", 2, seed=1)
    pictures(tmp_path / "trainA" / ".thumbnails", 1)
    (tmp_path / "trainA" / "loop").symlink_to(tmp_path / "trainA")
    found = [path.relative_to(tmp_path / "trainA").as_posix() for path in pictures_in(tmp_path, "trainA")]
    assert found == ["city/north/0.png", "city/north/1.png", "country/0.png", "country/1.png"]


def test_a_data_set_one_level_deeper_is_pointed_at(tmp_path: Path, pictures: Pictures):
    pictures(tmp_path / "day2night" / "trainA", 1)
    assert f"give --data {tmp_path / 'day2night'}" in hint(tmp_path)


def test_who_gives_one_of_the_folders_is_told_to_give_both(tmp_path: Path, pictures: Pictures):
    pictures(tmp_path / "trainA", 1)
    assert f"--data {tmp_path}" in hint(tmp_path / "trainA")


@pytest.mark.parametrize("there", ["", "data"])
def test_where_there_is_nothing_at_all_that_is_said(tmp_path: Path, there: str):
    (tmp_path / there).mkdir(exist_ok=True)
    assert f"there is no folder {tmp_path / 'data' / 'trainA'}" in hint(tmp_path / "data")


def test_a_folder_without_pictures_and_one_that_is_not_there_are_said(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FilesError, match="empty holds no picture"):
        pictures_below(tmp_path / "empty")
    with pytest.raises(FilesError, match="there is no folder"):
        pictures_below(tmp_path / "gone")


@pytest.mark.skipif(os.name == "nt", reason="POSIX rights")
def test_a_folder_that_may_not_be_read_is_named(nobodys: Path):
    (nobodys / "closed").mkdir(mode=0)
    with pytest.raises(FilesError, match=r"holds no picture that can be read: .*closed cannot be read"):
        pictures_below(nobodys)


def test_any_two_folders_are_domains_and_their_names_the_models(tmp_path: Path, pictures: Pictures):
    for n, name in enumerate(("day", "night", "day test", "night test")):
        pictures(tmp_path / name, n + 1)
    folders = named(None, *(tmp_path / name for name in ("day", "night", "day test", "night test")))
    assert (folders.name, folders.described) == ("day2night", "day and night")
    assert [(folder.name, len(files)) for folder, files in domains(folders)] == [("day", 1), ("night", 2)]
    assert [len(files) for _, files in domains(folders, test=True)] == [3, 4]


def test_a_data_set_is_called_like_its_folder_and_has_tests_if_both_are_there(data: Path):
    assert named(data, None, None) == folders_of(data) == Folders.of(data)
    assert (Folders.of(data).name, Folders.of(data).test_A) == ("data", None)
    (data / "testA").mkdir()
    assert Folders.of(data).test_A is None
    (data / "testB").mkdir()
    assert Folders.of(data).test_B == data / "testB"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((None, None, None), "there are no pictures to train on"),
        ((None, Path("a"), None), "--a alone is not enough"),
        ((Path("d"), Path("a"), Path("b")), "--data and --a name the pictures twice"),
        ((None, Path("a"), Path("b"), Path("t")), "--test-a and --test-b belong together"),
    ],
)
def test_what_names_no_two_folders_is_refused(given: tuple[Path | None, ...], said: str):
    with pytest.raises(UsageError, match=said):
        named(*given)  # type: ignore[arg-type]


def test_names_are_listed_as_far_as_can_be_read():
    assert listed([Path("x/a"), Path("x/b")]) == "a, b"
    assert listed([Path(str(n)) for n in range(2000)]) == "0, 1, 2 and 1,997 more"
