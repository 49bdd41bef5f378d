"""A data set's pictures: found where they should be, the way shown where they are elsewhere, and doubts spoken."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from imgtrans.errors import FilesError
from imgtrans.training.data.pictures import check_differ, doubts, pictures_in

Pictures = Callable[..., None]


def hint(root: Path, domain: str = "trainA") -> str:
    with pytest.raises(FilesError) as caught:
        pictures_in(root, domain)
    return f"{caught.value.message}\n{caught.value.hint}"


def test_pictures_are_told_by_content_and_sorted(data: Path):
    (data / "trainA" / "a.txt").write_text("notes")
    (data / "trainA" / "0.png").rename(data / "trainA" / "zero")
    assert [path.name for path in pictures_in(data, "trainA")] == ["1.png", "2.png", "3.png", "4.png", "zero"]


def test_pictures_one_level_deeper_are_pointed_at(tmp_path: Path, pictures: Pictures):
    pictures(tmp_path / "trainA" / "city", 2)
    pictures(tmp_path / "trainA" / "country", 2)
    (tmp_path / "trainA" / "notes").mkdir()
    said = hint(tmp_path)
    assert f"holds no picture itself; there are some one level deeper, in {tmp_path / 'trainA' / 'city'}, " in said
    assert "notes" not in said
    assert f"move them into {tmp_path / 'trainA'}" in said


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


@pytest.mark.parametrize("how", ["copied", "renamed", "linked"])
def test_two_identical_folders_are_refused(data: Path, how: str):
    shutil.rmtree(data / "trainB")
    if how == "linked":
        (data / "trainB").symlink_to("trainA")
    else:
        shutil.copytree(data / "trainA", data / "trainB")
    if how == "renamed":
        for path in pictures_in(data, "trainB"):
            path.rename(path.with_name(f"b-{path.name}"))
    with pytest.raises(FilesError, match="hold the same pictures: there is nothing to learn"):
        check_differ(pictures_in(data, "trainA"), pictures_in(data, "trainB"))


def test_pictures_in_both_folders_are_counted(data: Path):
    for name in ("0.png", "1.png"):
        shutil.copy(data / "trainA" / name, data / "trainB" / f"again-{name}")
    assert check_differ(pictures_in(data, "trainA"), pictures_in(data, "trainB")).startswith("2 pictures are in both ")


def test_pictures_of_equal_size_on_disk_are_not_taken_for_the_same(tmp_path: Path):
    for domain, shade in (("trainA", 10), ("trainB", 200)):
        (tmp_path / domain).mkdir()
        Image.new("RGB", (8, 8), (shade, 0, 0)).save(tmp_path / domain / "a.bmp")
    assert check_differ(pictures_in(tmp_path, "trainA"), pictures_in(tmp_path, "trainB")) == ""


def test_a_folder_that_has_all_of_the_other_and_more_is_not_refused(data: Path):
    for path in pictures_in(data, "trainA"):
        shutil.copy(path, data / "trainB" / f"again-{path.name}")
    assert check_differ(pictures_in(data, "trainA"), pictures_in(data, "trainB")).startswith("5 pictures are in both ")


def test_pictures_smaller_than_the_crop_are_counted_and_the_smallest_named(tmp_path: Path, pictures: Pictures):
    pictures(tmp_path / "trainA", 3, size=(100, 90))
    Image.new("RGB", (20, 30)).save(tmp_path / "trainA" / "small.png")
    (said,) = doubts(pictures_in(tmp_path, "trainA"), 64)
    assert said.startswith(f"1 of 4 pictures in {tmp_path / 'trainA'} are smaller than the crops of 64 pixels")
    assert "small.png, is 20x30" in said
    (said,) = doubts(pictures_in(tmp_path, "trainA"), 128)
    assert said.startswith("all pictures in")


def test_pictures_that_are_large_enough_raise_no_doubt(tmp_path: Path, pictures: Pictures):
    pictures(tmp_path / "trainA", 3, size=(100, 90))
    assert [*doubts(pictures_in(tmp_path, "trainA"), 90)] == []


def test_pictures_below_a_folder_that_has_some_are_said_not_to_be_trained_on(tmp_path: Path, pictures: Pictures):
    pictures(tmp_path / "trainA", 1, size=(64, 64))
    pictures(tmp_path / "trainA" / "more", 1)
    (said,) = doubts(pictures_in(tmp_path, "trainA"), 64)
    assert said.startswith(f"the pictures in {tmp_path / 'trainA' / 'more'} are not trained on")
