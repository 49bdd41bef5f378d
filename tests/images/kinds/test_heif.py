import importlib.util
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from imgtrans.errors import ImageError
from imgtrans.finding.file import inspect
from imgtrans.images.decode import decode, decode_frames
from imgtrans.images.encode import encode
from imgtrans.images.formats import format_by_content
from imgtrans.images.kinds import heif
from imgtrans.images.written import output_name
from imgtrans.protocols import Wanted

MAKER, ORIENTATION = 0x010F, 0x0112


def heic(path: Path, photo: np.ndarray, **options: object) -> Path:
    pillow_heif.from_pillow(Image.fromarray(photo)).save(path, quality=95, **options)
    return path


def test_a_heic_comes_out_as_it_went_in(tmp_path: Path, photo: np.ndarray) -> None:
    exif = Image.Exif()
    exif[MAKER] = "Maker"
    path = heic(tmp_path / "a.heic", photo, exif=exif.tobytes())
    assert format_by_content(path) == "HEIF"
    assert output_name("a.HEIC", "HEIF") == ("a.HEIC", "HEIF")
    (picture,) = decode_frames(path)
    assert np.abs(picture.pixels.astype(int) - photo).mean() < 4
    encode(picture.pixels, photo[:, :, 0].copy(), picture.keep, tmp_path / "b")
    after = decode(tmp_path / "b")
    assert after.keep.format == "HEIF"
    assert after.alpha is not None
    assert np.abs(after.alpha.astype(int) - photo[:, :, 0]).mean() < 4
    assert np.abs(after.pixels.astype(int) - photo).mean() < 4
    with Image.open(tmp_path / "b") as image:
        assert image.getexif()[MAKER] == "Maker"


def test_quality_is_heard(tmp_path: Path, photo: np.ndarray) -> None:
    keep = decode(heic(tmp_path / "a.heic", photo)).keep
    sizes = []
    for quality in (10, 60, 95):
        encode(photo, None, keep, tmp_path / "b", Wanted(quality=quality))
        sizes.append((tmp_path / "b").stat().st_size)
    assert sizes == sorted({*sizes})


def test_a_heic_can_become_a_jpeg(tmp_path: Path, photo: np.ndarray) -> None:
    keep = decode(heic(tmp_path / "a.heic", photo)).keep
    encode(photo, None, keep, tmp_path / "b", Wanted(format="JPEG"))
    assert decode(tmp_path / "b").keep.format == "JPEG"


def test_a_broken_heic_is_a_sentence(tmp_path: Path, photo: np.ndarray) -> None:
    path = heic(tmp_path / "a.heic", photo)
    for share in (0.1, 0.5, 0.9):
        content = path.read_bytes()
        (tmp_path / "cut.heic").write_bytes(content[: int(share * len(content))])
        with pytest.raises(ImageError, match=r"cut\.heic .*\.$"):
            decode(tmp_path / "cut.heic")


def test_what_would_read_a_heic_is_named_where_it_is_missing(
    tmp_path: Path, photo: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = heic(tmp_path / "a.heic", photo)
    find = importlib.util.find_spec
    monkeypatch.setattr(heif, "find_spec", lambda name: None if name == "pillow_heif" else find(name))
    sentence = f'{path} is a HEIC, which can be read once pillow-heif is installed: pip install "imgtrans[heic]".'
    assert inspect(path, Path(path.name)).problem == sentence
    with pytest.raises(ImageError) as caught:
        decode(path)
    assert caught.value.message == sentence


def test_where_heic_cannot_be_written_it_becomes_png(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heif.register()
    Image.init()
    monkeypatch.delitem(Image.SAVE, "HEIF")
    assert output_name("a.heic", "HEIF") == ("a.png", "PNG")


def test_a_heic_is_told_by_its_content_not_by_its_name(
    tmp_path: Path, photo: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = heic(tmp_path / "a.heic", photo).rename(tmp_path / "a.jpg")
    (tmp_path / "b.heic").write_bytes(b"no picture at all")
    assert inspect(path, Path(path.name)).format == "HEIF"
    find = importlib.util.find_spec
    monkeypatch.setattr(heif, "find_spec", lambda name: None if name == "pillow_heif" else find(name))
    assert "is a HEIC, which can be read once pillow-heif is installed" in inspect(path, Path("a.jpg")).problem
    assert (
        inspect(tmp_path / "b.heic", Path("b.heic")).problem
        == f"{tmp_path / 'b.heic'} is not a picture that can be read."
    )


def test_of_several_pictures_the_primary_one_is_read(tmp_path: Path, photo: np.ndarray) -> None:
    several = pillow_heif.from_pillow(Image.new("RGB", (64, 64)))
    several.add_from_pillow(Image.fromarray(photo))
    several.save(tmp_path / "a.heic", quality=95, primary_index=1)
    for first_only in (True, False):
        (picture,) = decode_frames(tmp_path / "a.heic", first_only=first_only)
        assert picture.pixels.shape == photo.shape
        assert np.abs(picture.pixels.astype(int) - photo).mean() < 4
