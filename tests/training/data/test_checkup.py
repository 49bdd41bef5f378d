"""A data set is looked over before it is trained on: each fault is found, named, and something can be done about it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgtrans.training.data.checkup import checkup
from imgtrans.training.data.folders import Folders
from imgtrans.training.data.pictures import pictures_below
from imgtrans.training.data.remarks import GOOD, NOTE, WRONG, Remark

Look = Callable[..., list[Remark]]


def picture(seed: int, tint: tuple[float, float, float]) -> Image.Image:
    draw = np.random.default_rng(seed)
    coarse = Image.fromarray((draw.integers(40, 256, (12, 12, 3)) * tint).astype(np.uint8))
    return coarse.resize((96, 80), Image.Resampling.BICUBIC)


def fill(folder: Path, count: int, first: int, tint: tuple[float, float, float]) -> list[Path]:
    folder.mkdir(parents=True)
    for n in range(count):
        picture(first + n, tint).save(folder / f"{n:03}.png")
    return sorted(folder.iterdir())


WARM, COLD = (1.0, 0.7, 0.4), (0.4, 0.7, 1.0)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data set with nothing to say against it."""
    for domain, tint, first in (("A", WARM, 0), ("B", COLD, 1000)):
        fill(tmp_path / f"train{domain}", 50, first, tint)
        fill(tmp_path / f"test{domain}", 50, first + 500, tint)
    return tmp_path


@pytest.fixture(params=[True, False], ids=["thorough", "short"])
def look(request: pytest.FixtureRequest) -> Look:
    """Look at all, or at some before a run: what both find."""
    return lambda data, crop=64: [*checkup(Folders.of(data), crop, thorough=request.param)]


def notes(remarks: list[Remark]) -> list[Remark]:
    assert all(remark.hint for remark in remarks if remark.state != GOOD)
    return [remark for remark in remarks if remark.state != GOOD]


def only(remarks: list[Remark], kind: str) -> Remark:
    (found,) = notes(remarks)
    assert (found.state, found.kind) == (NOTE, kind)
    return found


def test_of_a_good_data_set_only_the_facts_are_said(data: Path, look: Look):
    remarks = look(data)
    assert notes(remarks) == []
    assert [remark.said for remark in remarks] == [
        f"{data / name}: 50 pictures, 96x80" for name in ("trainA", "trainB", "testA", "testB")
    ]


def test_sizes_and_modes_are_told(data: Path, look: Look):
    files = pictures_below(data / "trainA")
    picture(0, WARM).resize((300, 200)).save(files[0])
    picture(1, WARM).convert("L").save(files[1])
    picture(2, WARM).convert("RGBA").save(files[2])
    said = look(data)[0].said
    assert said.endswith("50 pictures, from 96x80 to 300x200, 98% of them 96x80, 1 gray, 1 with alpha")


def test_broken_files_are_counted_and_named(data: Path, look: Look):
    files = pictures_below(data / "trainB")
    for path in files[3:5]:
        path.write_bytes(path.read_bytes()[:200])
    found = only(look(data), "broken")
    assert found.said == f"2 pictures in {data / 'trainB'} cannot be read: 003.png, 004.png"
    assert [*found.files] == files[3:5]


def test_pictures_smaller_than_the_crop_are_counted_and_the_smallest_named(data: Path, look: Look):
    picture(7, WARM).resize((30, 50)).save(data / "trainA" / "007.png")
    found = only(look(data, crop=80), "small")
    assert found.said.startswith(f"1 of 50 pictures in {data / 'trainA'} are smaller than the crops of 80 pixels")
    assert "007.png, is 30x50" in found.said
    whole = [remark for remark in look(data, crop=128) if remark.kind == "small"]
    assert len(whole) == 4 and whole[1].said.startswith("all pictures in")


def test_very_unequal_counts_are_said(data: Path, look: Look):
    fill(data / "trainA" / "more", 250, 3000, WARM)
    found = only(look(data), "unequal")
    assert found.said.startswith(f"{data / 'trainA'} has 6 times as many pictures as {data / 'trainB'}")


def test_a_thorough_look_says_that_pictures_are_few(data: Path):
    for path in pictures_below(data / "trainB")[20:]:
        path.unlink()
    assert only([*checkup(Folders.of(data), 64, thorough=True)], "few").said.startswith(
        f"{data / 'trainB'} holds 20 pictures"
    )


def test_a_picture_that_is_there_twice_is_found(data: Path, look: Look):
    shutil.copy(data / "trainA" / "003.png", data / "trainA" / "copy.png")
    found = only(look(data), "duplicates")
    assert found.said.startswith(f"1 picture in {data / 'trainA'} is there twice")
    assert "003.png and copy.png" in found.said


@pytest.mark.parametrize(
    ("source", "target", "kind"),
    [
        ("trainA", "trainB", "in_both"),
        ("trainB", "testB", "leak"),
        ("trainA", "testB", "leak"),
        ("testA", "testB", "in_both"),
    ],
)
def test_a_picture_that_is_in_two_folders_is_found(data: Path, look: Look, source: str, target: str, kind: str):
    for name in ("003.png", "011.png"):
        shutil.copy(data / source / name, data / target / f"again-{name}")
    found = only(look(data), kind)
    assert found.said.startswith(f"2 pictures are in {data / source} and in {data / target}")
    assert "003.png and again-003.png; 011.png and again-011.png" in found.said


def test_a_thorough_look_also_finds_what_was_saved_again(data: Path):
    with Image.open(data / "trainA" / "005.png") as original:
        original.resize((90, 75)).save(data / "trainB" / "again.jpg", quality=80)
    assert notes([*checkup(Folders.of(data), 64, thorough=False)]) == []
    found = only([*checkup(Folders.of(data), 64, thorough=True)], "in_both")
    assert "or nearly the same: 005.png and again.jpg" in found.said


@pytest.mark.parametrize("how", ["copied", "renamed", "linked"])
def test_two_identical_folders_are_wrong(data: Path, look: Look, how: str):
    shutil.rmtree(data / "trainB")
    if how == "linked":
        (data / "trainB").symlink_to("trainA")
    else:
        shutil.copytree(data / "trainA", data / "trainB")
    if how == "renamed":
        for path in pictures_below(data / "trainB"):
            path.rename(path.with_name(f"b-{path.name}"))
    (found,) = look(data)
    assert (found.state, found.kind) == (WRONG, "identical")
    assert found.said.endswith("hold the same pictures: there is nothing to learn between them")


def test_a_folder_that_has_all_of_the_other_and_more_is_not_refused(data: Path, look: Look):
    for path in pictures_below(data / "trainA"):
        shutil.copy(path, data / "trainB" / f"again-{path.name}")
    assert only([r for r in look(data) if r.kind != "swapped"], "in_both").said.startswith("50 pictures are in")


def test_tests_that_are_swapped_are_found(data: Path, look: Look):
    (data / "testA").rename(data / "aside")
    (data / "testB").rename(data / "testA")
    (data / "aside").rename(data / "testB")
    assert only(look(data), "swapped").said.startswith(f"{data / 'testA'} and {data / 'testB'} look swapped")


def test_domains_that_cannot_be_told_apart_are_not_called_swapped(tmp_path: Path, look: Look):
    for n, name in enumerate(("trainA", "trainB", "testA", "testB")):
        fill(tmp_path / name, 50, 1000 * n, WARM)
    assert notes(look(tmp_path)) == []


def test_a_thorough_look_misses_tests_that_are_not_there(data: Path):
    shutil.rmtree(data / "testB")
    assert only([*checkup(Folders.of(data), 64, thorough=True)], "no_tests").hint.startswith("put a tenth")


def test_a_short_look_takes_fewer_of_large_files_and_says_so(data: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("imgtrans.training.data.checkup._BYTES", 1.0)
    remarks = [*checkup(Folders.of(data), 64, thorough=False)]
    assert remarks[0].said == f"{data / 'trainA'}: 50 pictures, 8 of them looked at, 96x80"


def test_progress_counts_all_pictures(data: Path):
    counts: list[int] = []
    list(checkup(Folders.of(data), 64, thorough=True, each=counts.append))
    assert counts == [-200, *[1] * 200]
