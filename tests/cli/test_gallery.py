"""``imgtrans gallery`` and ``run --gallery``."""

import json
import os
import webbrowser
from pathlib import Path
from typing import Any

import pytest

from imgtrans.zoo.store import Model
from tests.pictures import save


@pytest.fixture
def photos(tmp_path: Path, tiny: Model) -> Path:
    save(tmp_path / "photos" / "a.png")
    return tmp_path / "photos"


def test_run_makes_the_page_too_and_says_where(cli: Any, photos: Path):
    ended = cli("run", photos, "--model", "tiny", "--device", "cpu", "-q", "--gallery")
    out = photos.parent / "photos-tiny"
    assert (ended.code, ended.out.splitlines()) == (0, [str(out), str(out / "index.html")])
    assert "a.png" in (out / "index.html").read_text()


def test_the_page_of_a_folder_is_made_afterwards(cli: Any, photos: Path):
    cli("run", photos, "--model", "tiny", "--device", "cpu", "-q")
    out = photos.parent / "photos-tiny"
    ended = cli("gallery", out, "--page", "all.html", "--json")
    assert (ended.code, json.loads(ended.out)) == (
        0, {"event": "gallery", "page": str(out / "all.html"), "left_out": 0},
    )  # fmt: skip


def test_a_foreign_page_is_found_before_anything_is_translated(cli: Any, photos: Path):
    out = photos.parent / "out"
    out.mkdir()
    (out / "index.html").write_text("mine")
    ended = cli("run", photos, "-o", out, "--model", "tiny", "--device", "cpu", "--gallery")
    assert ended.code == 4
    assert "has not made it" in ended.err
    assert [path.name for path in out.iterdir()] == ["index.html"]


@pytest.mark.parametrize("arguments", [["--dry-run"], ["-o", "one.png"]])
def test_without_an_output_folder_there_is_no_page(
    cli: Any, photos: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(photos)
    ended = cli("run", "a.png", "--model", "tiny", "--device", "cpu", "--gallery", *arguments)
    assert ended.code == 2
    assert "--gallery is for an output folder" in ended.err


def test_a_folder_of_nothing_is_refused_in_a_sentence(cli: Any, tmp_path: Path):
    ended = cli("gallery", tmp_path)
    assert ended.code == 4
    assert f"{tmp_path} is no output folder of imgtrans" in ended.err


@pytest.mark.skipif(os.name == "nt", reason="a browser that is a shell script")
@pytest.mark.parametrize(("code", "said"), [(0, ""), (1, "no browser could be started; open ")])
def test_the_browser_is_shown_the_page_and_asked_how_it_went(
    cli: Any, photos: Path, monkeypatch: pytest.MonkeyPatch, code: int, said: str
):
    cli("run", photos, "--model", "tiny", "--device", "cpu", "-q")
    out = photos.parent / "photos-tiny"
    browser = photos.parent / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {photos.parent}/shown\nexit {code}\n')
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(browser))
    monkeypatch.setattr(webbrowser, "_tryorder", None)  # else it remembers what there was before BROWSER
    ended = cli("gallery", out, "--open")
    assert ended.code == 0
    assert (photos.parent / "shown").read_text().strip() == (out / "index.html").as_uri()
    assert said in ended.err
    assert bool(said) == ("browser" in ended.err)
