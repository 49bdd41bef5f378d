"""The README's pictures: a terminal that was really recorded, and halves of a real picture."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from tests.checkout import ROOT, script
from tests.pictures import save

RECORDING = ROOT / "docs" / "pictures" / "terminal.svg"


@pytest.mark.skipif(not RECORDING.is_file(), reason="needs the documents")
def test_the_recording_is_of_the_readmes_commands_and_loads_nothing() -> None:
    text = RECORDING.read_text(encoding="utf-8")
    said = " ".join(" ".join(one.itertext()) for one in ElementTree.fromstring(text).iter() if one.tag.endswith("text"))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^    (imgtrans (?:run|gallery) .*?)(?:  +#|$)", readme, re.MULTILINE)[:2]
    assert len(commands) == 2
    for command in commands:
        assert command in said
    assert "translated" in said
    assert not re.search(r"url\(|https?://(?!www\.w3\.org/)", text)
    assert len(text) < 200_000


@pytest.mark.slow
def test_a_terminal_is_recorded_as_it_is_seen(tmp_path: Path) -> None:
    recorder = script("record_terminal")
    save(tmp_path / "photos" / "a.jpg", 48, 32)
    frames = recorder.recorded(["imgtrans run photos/ -o out", "imgtrans version"], tmp_path)
    assert (tmp_path / "out" / "a.jpg").is_file()
    last = re.sub(r"<[^>]+>", "", "\n".join(frames[-1][0]))
    assert "$ imgtrans version" in last
    assert "1 translated" in last
    assert all(0 < seconds <= recorder.LAST for _, seconds in frames)
    tree = ElementTree.fromstring(recorder.drawn(frames))
    shown = [one for one in tree.iter() if one.tag.endswith("}g") and one.get("id")]
    assert len(shown) == len(frames)
    assert [one.get("visibility") for one in shown] == ["hidden"] * (len(frames) - 1) + [None]


def test_the_front_picture_is_half_before_and_half_after(tmp_path: Path) -> None:
    front = script("show_front")
    for name, colour in (("before", "#204010"), ("after", "#c0d0e0")):
        Image.new("RGB", (1024, 768), colour).save(tmp_path / f"{name}.png")
    image = front.halved(tmp_path / "before.png", tmp_path / "after.png")
    assert (image.getpixel((5, 5)), image.getpixel((1018, 5))) == ((0x20, 0x40, 0x10), (0xC0, 0xD0, 0xE0))
