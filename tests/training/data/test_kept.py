"""What has been decoded once is not decoded again, as long as there is room; a crop is the same either way."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgtrans.errors import FilesError
from imgtrans.training.data.crops import Cut
from imgtrans.training.data.kept import KeptPictures
from imgtrans.training.data.pictures import pictures_in

Files = tuple[list[Path], list[Path]]
PICTURE = 4 * 40 * 36  # bytes of one as it is kept


@pytest.fixture
def files(tmp_path: Path, pictures: Callable[..., None]) -> Files:
    for seed, domain in enumerate(("trainA", "trainB")):
        pictures(tmp_path / domain, 3, seed=seed)
    return pictures_in(tmp_path, "trainA"), pictures_in(tmp_path, "trainB")


def kept(files: Files, room: int) -> KeptPictures:
    return KeptPictures(files, 32, 36.0, room)


def cut(index: int, flip: bool = False) -> Cut:
    return Cut(index, 36.0, 0.3, 0.7, flip)


def test_a_picture_is_decoded_once(files: Files) -> None:
    pictures = kept(files, room=6 * PICTURE)
    before = [pictures.crop(domain, cut(index))[0] for domain in (0, 1) for index in range(3)]
    for path in (*files[0], *files[1]):
        path.unlink()
    after = [pictures.crop(domain, cut(index))[0] for domain in (0, 1) for index in range(3)]
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))
    assert not np.array_equal(pictures.crop(0, cut(0, flip=True))[0], before[0])


def test_what_has_no_room_is_decoded_each_time(files: Files) -> None:
    pictures = kept(files, room=2 * PICTURE)
    for index in (1, 0, 2):
        pictures.crop(0, cut(index))
    for path in files[0]:
        path.unlink()
    assert pictures.crop(0, cut(1))[1] == pictures.crop(0, cut(0))[1] == {}
    instead, left_out = pictures.crop(0, cut(2))
    assert np.array_equal(instead, pictures.crop(0, cut(0))[0])
    assert [*left_out] == [files[0][2]]


def test_without_room_nothing_is_kept_and_crops_are_the_same(files: Files) -> None:
    without, with_room = kept(files, room=0), kept(files, room=6 * PICTURE)
    for index in (0, 1, 2, 1, 0):
        assert np.array_equal(without.crop(1, cut(index))[0], with_room.crop(1, cut(index))[0])
    for path in files[1]:
        path.unlink()
    with pytest.raises(FilesError, match="no picture in"):
        without.crop(1, cut(0))


def test_a_photo_much_larger_than_its_crops_takes_the_room_of_what_they_need(tmp_path: Path) -> None:
    for domain in ("trainA", "trainB"):
        (tmp_path / domain).mkdir()
        Image.linear_gradient("L").resize((1200, 900)).convert("RGB").save(tmp_path / domain / "a.jpg")
    pictures = kept((pictures_in(tmp_path, "trainA"), pictures_in(tmp_path, "trainB")), room=4 * 300 * 225)
    pictures.crop(0, cut(0))
    (tmp_path / "trainA" / "a.jpg").unlink()
    assert pictures.crop(0, cut(0))[1] == {}
