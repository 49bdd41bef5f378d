"""A picture in the terminal: in the way that this one has for it, else in coloured half blocks, which all have."""

import base64
import io
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

_CHUNK = 4096  # characters of a picture that kitty takes at once
_SIXEL_COLOURS = 255
_CELL = 10, 20  # pixels of a character that are usual
_ITERM = ("iTerm.app", "WezTerm", "vscode", "mintty", "rio", "Tabby")
_SIXEL = ("foot", "mlterm", "yaft", "contour")


def show_picture(path: Path) -> None:
    """Print a picture on stdout, as wide as the terminal allows; into a pipe nothing is printed."""
    if not sys.stdout.isatty():
        return
    with Image.open(path) as image:
        text = drawn(image.convert("RGB"), way(os.environ), _columns())
    print(text, flush=True)  # noqa: T201 - which no other module prints


def _columns() -> int:
    return shutil.get_terminal_size().columns


def way(environment: Mapping[str, str]) -> str:
    """Return how a terminal shows pictures, by what it says of itself: ``kitty``, ``iterm``, ``sixel``, ``blocks``."""
    term, program = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
    if "TMUX" in environment or term.startswith(("screen", "tmux")):
        return "blocks"  # which passes nothing else on unless it is told to
    if "KITTY_WINDOW_ID" in environment or term in ("xterm-kitty", "xterm-ghostty") or program == "ghostty":
        return "kitty"
    if program in _ITERM or "ITERM_SESSION_ID" in environment:
        return "iterm"
    if term.startswith(_SIXEL) or "sixel" in term:
        return "sixel"
    return "blocks"


def drawn(image: Image.Image, how: str, columns: int) -> str:
    """Return what a terminal has to be sent to show an RGB picture.

    Args:
        image: The picture.
        how: As :func:`way` says.
        columns: Characters in a line.
    """
    return {"kitty": _kitty, "iterm": _iterm, "sixel": _sixel, "blocks": _blocks}[how](image, columns)


def _fitted(image: Image.Image, width: int) -> Image.Image:
    if image.width <= width:
        return image
    return image.resize((width, max(1, round(image.height * width / image.width))), Image.Resampling.LANCZOS)


def _png(image: Image.Image) -> str:
    content = io.BytesIO()
    image.save(content, "PNG")
    return base64.b64encode(content.getbuffer()).decode()


def _kitty(image: Image.Image, columns: int) -> str:
    """Source: the terminal graphics protocol of kitty: a PNG (f=100) that is shown at once (a=T), in chunks."""
    text = _png(_fitted(image, columns * _CELL[0]))
    parts = [text[at : at + _CHUNK] for at in range(0, len(text), _CHUNK)]
    heads = ["a=T,f=100,", *[""] * (len(parts) - 1)]
    return "".join(
        f"\x1b_G{head}m={int(number < len(parts) - 1)};{part}\x1b\\"
        for number, (head, part) in enumerate(zip(heads, parts, strict=True))
    )


def _iterm(image: Image.Image, columns: int) -> str:
    """Source: the inline images protocol of iTerm2."""
    text = _png(_fitted(image, columns * _CELL[0]))
    return f"\x1b]1337;File=inline=1;preserveAspectRatio=1:{text}\a"


def _sixel(image: Image.Image, columns: int) -> str:
    """Source: DEC's VT330/VT340 programmer reference, chapter 14: six rows of pixels at once, colour by colour."""
    picture = _fitted(image, columns * _CELL[0]).quantize(_SIXEL_COLOURS)
    palette = picture.getpalette() or []
    width, height = picture.size
    pixels = picture.tobytes()
    out = [f'\x1bPq"1;1;{width};{height}']
    for number in sorted(set(pixels)):
        red, green, blue = (round(value * 100 / 255) for value in palette[3 * number : 3 * number + 3])
        out.append(f"#{number};2;{red};{green};{blue}")
    for top in range(0, height, 6):
        rows = [pixels[y * width : (y + 1) * width] for y in range(top, min(top + 6, height))]
        for number in sorted(set().union(*rows)):
            bits = (sum(1 << y for y, row in enumerate(rows) if row[x] == number) for x in range(width))
            out.append(f"#{number}{_run_lengths([chr(63 + bit) for bit in bits])}$")
        out.append("-")
    return "".join([*out, "\x1b\\"])


def _run_lengths(characters: list[str]) -> str:
    text, at = [], 0
    while at < len(characters):
        end = at
        while end < len(characters) and characters[end] == characters[at]:
            end += 1
        text.append(f"!{end - at}{characters[at]}" if end - at > 3 else characters[at] * (end - at))
        at = end
    return "".join(text)


def _blocks(image: Image.Image, columns: int) -> str:
    """Return two pixels in a character: the upper half block in one colour on the other."""
    small = _fitted(image, columns)
    small = small.resize((small.width, max(2, small.height // 2 * 2)), Image.Resampling.LANCZOS)
    pixels = small.load()
    lines = []
    for y in range(0, small.height, 2):
        cells = []
        for x in range(small.width):
            upper, lower = (";".join(map(str, pixels[x, y + half])) for half in (0, 1))  # type: ignore[index,arg-type]
            cells.append(f"\x1b[38;2;{upper}m\x1b[48;2;{lower}m\u2580")
        lines.append("".join(cells) + "\x1b[0m")
    return "\n".join(lines)
