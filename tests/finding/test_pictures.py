import itertools
from pathlib import Path

import pytest

from imgtrans.errors import FilesError
from imgtrans.finding import file as file_module
from imgtrans.finding import pictures as module
from imgtrans.finding.destination import Destination
from imgtrans.finding.pictures import Aside, discover, items_below
from imgtrans.finding.shard import Shard
from tests.pictures import save


def outputs(*inputs: Path, out: Path, **options: object) -> list[str]:
    destination = Destination(out, keep_roots=len(inputs) > 1)
    aside = Aside()
    met = [*discover(inputs, destination, aside=aside, **options)]  # type: ignore[arg-type]
    for error in aside.collisions:
        raise error
    return [str(item.output.relative_to(out)) for item, _ in met if item]


def test_what_goes_to_one_folder_comes_together_from_wherever_it_is(tmp_path: Path) -> None:
    for path in ("a/photos/1.png", "a/photos/sub/2.png", "b/photos/3.png", "b/photos/sub/4.png", "c/5.png"):
        save(tmp_path / path)
    inputs = [tmp_path / "a" / "photos", tmp_path / "b" / "photos", tmp_path / "c" / "5.png"]
    assert outputs(*inputs, out=tmp_path / "out") == [
        "5.png", "photos/1.png", "photos/3.png", "photos/sub/2.png", "photos/sub/4.png",
    ]  # fmt: skip


def test_inputs_of_the_same_name_collide_only_where_their_pictures_do(tmp_path: Path) -> None:
    save(tmp_path / "a" / "photos" / "sub" / "1.png")
    save(tmp_path / "b" / "photos" / "sub" / "1.png")
    with pytest.raises(FilesError, match=r"would both become .*photos/sub/1\.png"):
        outputs(tmp_path / "a" / "photos", tmp_path / "b" / "photos", out=tmp_path / "out")


def test_folders_whose_names_are_one_where_outputs_go_are_met_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path / "in" / "Holiday" / "a.png")
    save(tmp_path / "in" / "holiday" / "b.png")
    save(tmp_path / "in" / "x" / "c.png")
    monkeypatch.setattr(module, "ignores_case", lambda folder: True)
    assert outputs(tmp_path / "in", out=tmp_path / "out") == ["Holiday/a.png", "holiday/b.png", "x/c.png"]
    save(tmp_path / "in" / "holiday" / "A.png")
    with pytest.raises(FilesError, match="would both become"):
        outputs(tmp_path / "in", out=tmp_path / "out")


def test_a_folder_is_looked_through_for_twins_before_its_first_picture_is_handed_on(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "z.png", "z.ico"):
        save(tmp_path / "in" / name, width=16)
    save(tmp_path / "in" / "sub" / "c.png")
    aside = Aside()
    met = [item.key for item, _ in discover([tmp_path / "in"], Destination(tmp_path / "out"), aside=aside) if item]
    assert met == [b"sub/c.png"]  # the other folders go on
    (error,) = aside.collisions
    assert str(error).endswith(f"z.png would both become {tmp_path / 'out' / 'z.png'}")
    assert "--exclude '*.png'" in error.hint and "--include '*.png' --suffix -png" in error.hint


def test_only_pictures_with_names_near_each_other_are_opened_before_the_first_is_handed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.png", "b.jpg", "c.png", "c.raw", "d.png"):
        save(tmp_path / "in" / name, format="PNG" if name.endswith("raw") else None)
    inspect, looked = file_module.inspect, []

    def noted(path: Path, relative: Path) -> object:
        looked.append(path.name)
        return inspect(path, relative)

    monkeypatch.setattr(file_module, "inspect", noted)
    next(discover([tmp_path / "in"], Destination(tmp_path / "out")))
    assert looked == ["a.png"]
    (tmp_path / "in" / "c.raw").rename(tmp_path / "in" / "c.jpg")
    looked.clear()
    next(discover([tmp_path / "in"], Destination(tmp_path / "out")))
    assert looked == ["c.jpg", "c.png", "a.png"]


def test_a_name_without_a_pictures_suffix_may_meet_one_that_has_it(tmp_path: Path) -> None:
    save(tmp_path / "in" / "scan.part", format="ICO", width=16)  # becomes scan.part.png
    save(tmp_path / "in" / "scan.part.png")
    with pytest.raises(FilesError, match="would both become"):
        outputs(tmp_path / "in", out=tmp_path / "out")


def test_shards_share_all_that_there_is_and_files_that_are_named(tmp_path: Path) -> None:
    for number in range(20):
        save(tmp_path / "in" / f"{number % 3}" / f"{number}.png", 8, 8)
    (tmp_path / "in" / "broken.jpg").write_text("")
    alone = save(tmp_path / "alone.png")
    whole = outputs(tmp_path / "in", alone, out=tmp_path / "out")
    parts = [outputs(tmp_path / "in", alone, out=tmp_path / "out", shard=Shard(number, 3)) for number in (1, 2, 3)]
    assert sorted(itertools.chain(*parts)) == sorted(whole)
    assert len(whole) == 22 and all(parts)


def test_a_collision_is_found_by_every_shard(tmp_path: Path) -> None:
    save(tmp_path / "in" / "a.png")
    save(tmp_path / "in" / "a.ico", width=16)
    for number in (1, 2):
        with pytest.raises(FilesError, match="would both become"):
            outputs(tmp_path / "in", out=tmp_path / "out", shard=Shard(number, 2))


def test_whoever_watches_a_folder_meets_twins_too(tmp_path: Path) -> None:
    save(tmp_path / "in" / "a.png")
    save(tmp_path / "in" / "a.ico", width=16)
    met = [item.key for item, _ in items_below(tmp_path / "in", Destination(tmp_path / "out")) if item]
    assert met == [b"a.png", b"a.png"]
