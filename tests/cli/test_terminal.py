"""A picture in the terminal: which way, and that what is sent is the picture."""

import base64
import io
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgtrans.cli import terminal
from imgtrans.cli.terminal import drawn, show_picture, way


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, "kitty"),
        ({"TERM": "xterm-ghostty"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "iterm"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "iterm"),
        ({"TERM": "foot"}, "sixel"),
        ({"TERM": "mlterm"}, "sixel"),
        ({"TERM": "xterm-256color"}, "blocks"),
        ({"TERM": "tmux-256color", "TERM_PROGRAM": "iTerm.app"}, "blocks"),
        ({}, "blocks"),
    ],
)
def test_the_way_follows_from_what_the_terminal_says(environment: dict[str, str], expected: str):
    assert way(environment) == expected


@pytest.fixture
def picture() -> Image.Image:
    """Eight flat fields of colour."""
    fields = np.random.default_rng(3).integers(0, 256, (2, 4, 3), np.uint8)
    return Image.fromarray(fields.repeat(30, 0).repeat(30, 1))


def same(one: Image.Image, other: Image.Image, tolerance: int = 0) -> bool:
    return np.abs(np.asarray(one.convert("RGB")).astype(int) - np.asarray(other).astype(int)).max() <= tolerance


def test_kitty_is_sent_a_png_in_chunks():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8))
    parts = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", drawn(noise, "kitty", 80))
    assert len(parts) > 2
    assert parts[0][0] == "a=T,f=100,m=1"
    assert [head for head, _ in parts[1:]] == ["m=1"] * (len(parts) - 2) + ["m=0"]
    assert all(len(part) <= 4096 for _, part in parts)
    with Image.open(io.BytesIO(base64.b64decode("".join(part for _, part in parts)))) as sent:
        assert same(sent, noise)


def test_iterm_is_sent_a_png(picture: Image.Image):
    found = re.fullmatch(r"\x1b\]1337;File=inline=1;preserveAspectRatio=1:([^\a]*)\a", drawn(picture, "iterm", 80))
    assert found
    with Image.open(io.BytesIO(base64.b64decode(found[1]))) as sent:
        assert same(sent, picture)


def test_sixel_draws_every_pixel_in_its_colour(picture: Image.Image):
    text = drawn(picture, "sixel", 80)
    found = re.fullmatch(r'\x1bPq"1;1;(\d+);(\d+)(.*)\x1b\\', text, re.DOTALL)
    assert found
    width, height = int(found[1]), int(found[2])
    seen = np.full((height + 5, width, 3), -1)
    palette: dict[int, list[float]] = {}
    top = x = colour = 0
    for number, red, green, blue, plain, run, sixel, end in re.findall(
        r"#(\d+);2;(\d+);(\d+);(\d+)|#(\d+)|(?:!(\d+))?([?-~])|([$-])", found[3]
    ):
        if number:
            palette[int(number)] = [int(part) * 2.55 for part in (red, green, blue)]
        elif plain:
            colour = int(plain)
        elif sixel:
            for _ in range(int(run or 1)):
                for bit in range(6):
                    if ord(sixel) - 63 >> bit & 1:
                        seen[top + bit, x] = palette[colour]
                x += 1
        else:
            x = 0
            top += 6 * (end == "-")
    assert np.abs(seen[:height] - np.asarray(picture)).max() <= 4  # a palette in hundredths


def test_half_blocks_show_two_pixels_in_a_character(picture: Image.Image):
    lines = drawn(picture, "blocks", 40).split("\n")
    assert len(lines) == 10
    assert all(line.count("\u2580") == 40 for line in lines)
    upper, lower = re.match(r"\x1b\[38;2;([\d;]+)m\x1b\[48;2;([\d;]+)m", lines[0]).groups()  # type: ignore[union-attr]
    assert upper == lower == ";".join(map(str, picture.getpixel((0, 0))))  # type: ignore[arg-type]


def test_a_wide_picture_is_made_as_wide_as_the_terminal(picture: Image.Image):
    wide = picture.resize((3000, 100))
    found = re.search(r":([^\a]*)\a", drawn(wide, "iterm", 50))
    assert found
    with Image.open(io.BytesIO(base64.b64decode(found[1]))) as sent:
        assert sent.width == 500


def test_into_a_pipe_nothing_is_printed(picture: Image.Image, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    picture.save(tmp_path / "a.png")
    show_picture(tmp_path / "a.png")
    assert capsys.readouterr().out == ""


def test_on_a_terminal_it_is_shown(
    picture: Image.Image, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    picture.save(tmp_path / "a.png")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(terminal, "_columns", lambda: 20)
    monkeypatch.delenv("TERM_PROGRAM", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    show_picture(tmp_path / "a.png")
    assert capsys.readouterr().out.count("\u2580") == 100
