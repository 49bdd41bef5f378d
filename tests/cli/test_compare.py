"""``imgtrans compare``: the sheet and the page, and what is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imgtrans.zoo.store import Model
from tests.pictures import save


@pytest.fixture
def photos(tmp_path: Path, tiny: Model, monkeypatch: pytest.MonkeyPatch) -> Path:
    save(tmp_path / "photos" / "a.png")
    save(tmp_path / "photos" / "b.jpg")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "photos"


def test_a_sheet_and_a_page_are_made_of_every_model_and_size(cli: Any, photos: Path):
    ended = cli("compare", "photos", "--models", "tiny", "--sizes", "16,native", "--device", "cpu", "-q")
    assert (ended.code, ended.out.split()) == (0, ["compare.png", "compare.html"])
    page = Path("compare.html").read_text(encoding="utf-8")
    assert page.count('<img alt="a.png') == page.count('<img alt="b.jpg') == 3
    assert "tiny, 16 px</th>" in page
    assert "tiny, native</th>" in page
    with Image.open("compare.png") as sheet:
        assert np.asarray(sheet.convert("L")).std() > 5


def test_what_is_shown_is_what_run_makes(cli: Any, photos: Path, monkeypatch: pytest.MonkeyPatch):
    from imgtrans.compare import sheets

    kept: dict[str, bytes] = {}
    real = sheets.made

    def keeping(*arguments: Any) -> Any:
        for one in real(*arguments):
            kept[one.picture.name] = one.path.read_bytes()
            yield one

    monkeypatch.setattr(sheets, "made", keeping)
    cli("compare", "photos", "--models", "tiny", "--sizes", "16", "--device", "cpu", "-q", "-o", "x.html")
    cli("run", "photos", "--model", "tiny", "--size", "16", "--device", "cpu", "-q", "-o", "out")
    assert kept == {name: (Path("out") / name).read_bytes() for name in ("a.png", "b.jpg")}


def test_json_has_a_line_for_each_with_its_seconds(cli: Any, photos: Path):
    ended = cli(
        "compare", "photos/a.png", "--models", "tiny", "--sizes", "16,24", "--device", "cpu", "--json", "-o", "x.png"
    )
    first, second, sheet = map(json.loads, ended.out.splitlines())
    assert (first["model"], first["longest"], second["longest"]) == ("tiny", 16, 24)
    assert first["seconds"] >= 0
    assert sheet == {"event": "sheet", "path": "x.png"}


def test_sizes_that_come_to_the_same_are_one(cli: Any, photos: Path):
    ended = cli(
        "compare", "photos/a.png", "--models", "tiny,tiny", "--sizes", "auto,native", "--device", "cpu", "--json"
    )
    assert sum(json.loads(line)["event"] == "compared" for line in ended.out.splitlines()) == 1


def test_a_picture_that_fails_is_told_and_the_others_shown(cli: Any, photos: Path):
    (photos / "c.jpg").write_bytes((photos / "b.jpg").read_bytes()[:200])
    ended = cli("compare", "photos", "--models", "tiny", "--device", "cpu", "-o", "x.html")
    assert ended.code == 1
    assert ended.err.count("c.jpg cannot be decoded") == 1
    assert "b.jpg by tiny" in Path("x.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["photos", "--models", "tiny,,x"], 2, "in which one is empty"),
        (["photos", "--models", "nope"], 3, "nope"),
        (["photos", "--models", "tiny", "--sizes", "huge"], 2, "huge"),
        (["photos", "--models", "tiny", "-o", "x.jpg"], 2, "no .png and no .html"),
        (["photos", "--models", "tiny", "-o", "not/there.png"], 4, "there is no folder not"),
        (["photos", "--models", "tiny", "-o", "here.png"], 4, "here.png is there already"),
        (["gone.jpg", "--models", "tiny"], 4, "gone.jpg is not there"),
        (["empty", "--models", "tiny"], 4, "no picture to compare"),
        (["photos", "--models", "tiny", "--sizes", ",".join(map(str, range(16, 60)))], 2, "more than can be looked at"),
    ],
)
def test_what_makes_no_sense_is_a_sentence_and_nothing_is_written(
    cli: Any, photos: Path, arguments: list[str], code: int, said: str
):
    Path("empty").mkdir()
    Path("here.png").write_text("mine")
    ended = cli("compare", *arguments, "--device", "cpu")
    assert ended.code == code
    assert said in ended.err
    assert sorted(path.name for path in Path().iterdir()) == ["empty", "here.png", "photos"]
    assert Path("here.png").read_text() == "mine"
