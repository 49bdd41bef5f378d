"""The page of an output folder: what it says, which files it makes, and whose it leaves alone."""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from PIL import Image

from imgtrans.errors import FilesError, UsageError
from imgtrans.gallery import making
from imgtrans.gallery.making import make_gallery
from imgtrans.gallery.thumbnails import HEIGHT, WIDTH, write_thumbnail
from imgtrans.zoo.store import Model
from tests.conftest import Ended
from tests.pictures import save


@pytest.fixture
def out(cli: Any, tiny: Model, tmp_path: Path) -> Path:
    """An output folder: a picture, one below a folder, a TIFF, and one that has failed."""
    photos = tmp_path / "photos"
    save(photos / "a.png")
    save(photos / "deep" / "b #1 100%?.jpg")
    save(photos / "c.tif")
    (photos / "none.jpg").write_text("no picture")
    ended: Ended = cli("run", photos, "-o", tmp_path / "out", "--model", "tiny", "--device", "cpu", "-q")
    assert ended.code == 1
    return tmp_path / "out"


def data_of(page: Path) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text(encoding="utf-8"))
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


def files_of(page: Path) -> dict[str, list[Path | None]]:
    """Return what the page calls each picture's original, translation and thumbnail, by the picture's name."""
    return {
        row[1]: [page.parent / os.fsdecode(unquote_to_bytes(part)) if part else None for part in row[3:6]]
        for row in data_of(page)["entries"]
    }


def test_each_picture_is_there_with_its_state_and_the_files_exist(out: Path):
    page, left_out = make_gallery(out)
    data = data_of(page)
    assert (page, left_out, data["folders"]) == (out / "index.html", 0, ["", "deep"])
    states = {row[1]: data["states"][row[2]] for row in data["entries"]}
    assert states == {"a.png": "done", "b #1 100%?.jpg": "done", "c.tif": "done", "none.jpg": "failed"}
    files = files_of(page)
    assert all(one and one.is_file() for name in ("a.png", "b #1 100%?.jpg", "c.tif") for one in files[name])
    assert files["a.png"][:2] == [out / "../photos/a.png", out / "a.png"]


def test_what_a_browser_cannot_show_gets_a_preview_of_all_its_pixels(out: Path):
    before, after, _ = files_of(make_gallery(out)[0])["c.tif"]
    assert before and after
    with Image.open(before) as preview, Image.open(out / "c.tif") as whole:
        assert (preview.format, preview.size) == ("JPEG", whole.size)


def test_a_thumbnail_has_the_original_on_the_left(tmp_path: Path):
    Image.new("RGB", (900, 700), "red").save(tmp_path / "before.jpg")
    Image.new("RGBA", (900, 700), "blue").save(tmp_path / "after.png")
    assert write_thumbnail(tmp_path / "before.jpg", tmp_path / "after.png", tmp_path / "small.webp")
    with Image.open(tmp_path / "small.webp") as seen:
        assert seen.size == (2 * WIDTH, HEIGHT)
        left, right = (seen.convert("RGB").getpixel((x, HEIGHT // 2)) for x in (WIDTH // 2, WIDTH * 3 // 2))
    assert left[0] - left[2] > 200
    assert right[2] - right[0] > 200


def test_a_thumbnail_stands_upright(tmp_path: Path):
    photo = Image.new("RGB", (900, 700), "red")
    photo.paste("blue", (0, 350, 900, 700))
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    photo.save(tmp_path / "turned.jpg", exif=exif)
    write_thumbnail(tmp_path / "turned.jpg", None, tmp_path / "small.webp")
    with Image.open(tmp_path / "small.webp") as seen:
        top = seen.convert("RGB").getpixel((WIDTH // 2, 10))
    assert top[2] > 200


def test_a_second_page_makes_only_what_is_missing(out: Path):
    thumbnails = out / ".imgtrans" / "gallery"
    make_gallery(out)
    made = {path.name: path.stat().st_mtime_ns for path in thumbnails.iterdir()}
    gone = next(iter(sorted(made)))
    (thumbnails / gone).unlink()
    (out / "a.png").unlink()
    make_gallery(out)
    again = {path.name: path.stat().st_mtime_ns for path in thumbnails.iterdir()}
    same = [name for name in made if again.get(name) == made[name]]
    assert len(again) == len(made)
    assert len(same) in (len(made) - 1, len(made) - 2)  # the one taken away, and that of the picture that has gone


def test_a_picture_that_has_gone_is_outdated_and_its_original_still_shown(out: Path):
    (out / "a.png").unlink()
    page, _ = make_gallery(out)
    row = next(row for row in data_of(page)["entries"] if row[1] == "a.png")
    assert data_of(page)["states"][row[2]] == "outdated"
    assert row[3].endswith("photos/a.png")
    assert row[4] == ""
    assert row[5]


def test_thumbnails_are_no_pictures_of_a_later_run(out: Path, cli: Any):
    make_gallery(out)
    ended = cli("run", out, "-o", out.parent / "twice", "--model", "tiny", "--device", "cpu", "--json", "--dry-run")
    assert ".webp" not in ended.out


def test_a_page_of_somebody_else_is_left_alone(out: Path):
    (out / "index.html").write_text("my own page")
    with pytest.raises(FilesError, match="has not made it"):
        make_gallery(out)
    assert (out / "index.html").read_text() == "my own page"
    assert make_gallery(out, "pictures.html")[0] == out / "pictures.html"


@pytest.mark.parametrize("name", ["../index.html", "page.txt", "", "deep/index.html"])
def test_a_page_has_a_pages_name_and_lies_in_the_folder(out: Path, name: str):
    with pytest.raises(UsageError, match="no name of a page"):
        make_gallery(out, name)


def test_a_folder_that_imgtrans_has_not_written_is_refused(tmp_path: Path):
    with pytest.raises(FilesError, match="no output folder"):
        make_gallery(tmp_path)


def test_what_is_beyond_the_most_is_counted(out: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(making, "MOST", 3)
    page, left_out = make_gallery(out)
    assert (len(data_of(page)["entries"]), left_out) == (3, 1)
    assert "1 more are not shown" in page.read_text(encoding="utf-8")


@pytest.mark.skipif(sys.platform != "linux", reason="names are text elsewhere")
def test_a_name_that_is_no_text_is_shown_and_its_file_found(cli: Any, tiny: Model, tmp_path: Path):
    name = os.fsdecode(b"caf\xe9.png")
    save(tmp_path / "photos" / name)
    cli("run", tmp_path / "photos", "-o", tmp_path / "out", "--model", "tiny", "--device", "cpu", "-q")
    ((shown, files),) = files_of(make_gallery(tmp_path / "out")[0]).items()
    assert shown == "caf\\xe9.png"
    assert all(one and one.is_file() for one in files)


def test_the_page_tells_how_the_pictures_were_made(out: Path):
    text = make_gallery(out)[0].read_text(encoding="utf-8")
    assert "<dt>Model</dt><dd>tiny</dd>" in text
    assert "<dt>Settings</dt><dd>size=native</dd>" in text
    assert re.search(r"<dt>Last run</dt><dd>4 pictures in .* s, .* pictures a second</dd>", text)
