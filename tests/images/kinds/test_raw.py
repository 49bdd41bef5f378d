"""Camera RAW is told by content: TIFF containers whose first picture is a thumbnail, and the makers' own formats."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgtrans.errors import ImageError
from imgtrans.finding.file import inspect
from imgtrans.images.decode import decode
from imgtrans.images.formats import format_by_content, is_image
from tests.images.kinds.tiffs import DNG_VERSION, FILTERED, LINEAR, NEW_SUBFILE_TYPE, RGB, Page, tiff

SENSOR = Page((640, 480), 90, FILTERED, {NEW_SUBFILE_TYPE: 0})
PREVIEW = Page((320, 240), 60, RGB, {NEW_SUBFILE_TYPE: 1})
THUMBNAIL = {NEW_SUBFILE_TYPE: 1}


def thumbnail(**options: object) -> Page:
    return Page((160, 120), 30, RGB, **{"tags": THUMBNAIL, **options})  # type: ignore[arg-type]


FILES = {
    "nikon.NEF": tiff([thumbnail(below=[PREVIEW, SENSOR])], ">"),
    "sony.ARW": tiff([thumbnail(below=[SENSOR]), PREVIEW]),
    "adobe.DNG": tiff([thumbnail(tags=THUMBNAIL | {DNG_VERSION: 0x0401}, below=[SENSOR, PREVIEW])]),
    "phone.dng": tiff([Page((640, 480), 90, FILTERED)]),
    "linear.dng": tiff([thumbnail(below=[Page((640, 480), 90, LINEAR)])]),
    "pentax.PEF": tiff([Page((640, 480), 90, FILTERED, compression=65535), PREVIEW], ">"),
    "large.dng": tiff([thumbnail(below=[SENSOR])], big=True),
    "canon.CR2": tiff([thumbnail()], canon=True),
    "phaseone.IIQ": tiff([thumbnail()], signature=b"IIII"),
    "fuji.RAF": b"FUJIFILMCCD-RAW 0201FF383501" + bytes(400),
    "canon.CR3": b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom" + bytes(400),
    "canon.CRW": b"II\x1a\0\0\0HEAPCCDR" + bytes(400),
    "olympus.ORF": b"IIRO\x08\0\0\0" + bytes(400),
    "olympus2.ORF": b"IIRS\x08\0\0\0" + bytes(400),
    "olympus3.ORF": b"MMOR\0\0\0\x08" + bytes(400),
    "panasonic.RW2": b"IIU\0\x08\0\0\0" + bytes(400),
    "sigma.X3F": b"FOVb\0\0\x02\0" + bytes(400),
    "minolta.MRW": b"\0MRM\0\0\0\x08" + bytes(400),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("called", ["", "renamed.tif", "renamed.jpg", "renamed.bin"])
def test_camera_raw_has_failed_with_a_sentence_whatever_it_is_called(name: str, called: str, tmp_path: Path) -> None:
    path = tmp_path / (called or name)
    path.write_bytes(FILES[name])
    sentence = f"{path} is camera RAW: develop it first, into a TIFF or a JPEG."
    assert format_by_content(path) is None
    assert not is_image(path)
    assert inspect(path, Path(path.name)).problem == sentence
    with pytest.raises(ImageError) as caught:
        decode(path)
    assert caught.value.message == sentence


def test_what_is_called_camera_raw_and_is_nothing_known_has_failed_too(tmp_path: Path) -> None:
    path = tmp_path / "a.kdc"
    path.write_bytes(b"unheard of" * 100)
    assert "is camera RAW" in inspect(path, Path("a.kdc")).problem


def test_a_picture_that_is_called_camera_raw_is_a_picture(tmp_path: Path, photo: np.ndarray) -> None:
    path = tmp_path / "a.NEF"
    Image.fromarray(photo).save(path, "PNG")
    assert inspect(path, Path("a.NEF")).format == "PNG"
    assert np.array_equal(decode(path).pixels, photo)


@pytest.mark.parametrize(("order", "big"), [("<", False), (">", False), ("<", True)])
def test_a_plain_tiff_is_no_camera_raw(order: str, big: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    for value in (77, ord("I"), ord("M"), ord("C")):  # pixels may stand where others have a signature
        path.write_bytes(tiff([Page((20, 10), value), Page((20, 10), 78)], order, big=big))
        assert format_by_content(path) == "TIFF"
        assert (decode(path).pixels == value).all()


def test_directories_that_never_end_or_lie_nowhere_are_looked_at_once(tmp_path: Path) -> None:
    content = bytearray(tiff([Page((20, 10), 77)]))
    first = int.from_bytes(content[4:8], "little")
    content[-4:] = first.to_bytes(4, "little")  # it follows itself
    path = tmp_path / "a.tif"
    path.write_bytes(content)
    assert format_by_content(path) == "TIFF"
    path.write_bytes(content[:8] + b"\xff" * 4)
    assert format_by_content(path) == "TIFF"  # whoever opens it says what is wrong
