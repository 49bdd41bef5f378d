"""A comparison as one picture, and as one page that carries its pictures itself."""

import base64
import html
import io
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from imgtrans.compare.variants import Made, Variant
from imgtrans.errors import ImageError
from imgtrans.images.decode import decode

_HEIGHT = 260  # of the pictures on a sheet
_GAP, _TEXT, _LINE = 10, 14, 20
_LONGEST = 1600  # side of the pictures on a page; what is larger is shown smaller


class Sheet:
    """Draws rows of pictures, each with the original first and a column for each variant."""

    def __init__(self, variants: Sequence[Variant]) -> None:
        self._variants = variants
        self._rows: list[tuple[str, list[tuple[Image.Image | None, str]]]] = []

    def add(self, picture: Path, made: Sequence[Made]) -> None:
        """Add a picture and what each variant made of it, in their order."""
        original = _opened(picture)
        name = f"{picture.name}, {original.width}x{original.height}" if original else picture.name
        cells = [(_scaled(original), "original")]
        for one in made:
            told = one.error or f"{one.seconds:.2f} s"
            cells.append((_scaled(_opened(one.path)) if one.path else None, told))
        self._rows.append((name, cells))

    def drawn(self) -> Image.Image:
        """Return the sheet."""
        font = ImageFont.load_default(_TEXT)
        heads = ["", *(variant.said for variant in self._variants)]
        widths = [
            max([font.getlength(head), *(cell.width for _, cells in self._rows if (cell := cells[column][0]))])
            for column, head in enumerate(heads)
        ]
        row = 2 * _LINE + _HEIGHT + _GAP
        size = (int(sum(widths)) + _GAP * (len(widths) + 1), 2 * _GAP + _LINE + row * len(self._rows))
        sheet = Image.new("RGB", size, "white")
        draw = ImageDraw.Draw(sheet)
        left = _GAP
        for column, head in enumerate(heads):
            draw.text((left, _GAP), head, "black", font)
            for number, (name, cells) in enumerate(self._rows):
                top = 2 * _GAP + _LINE + number * row
                picture, told = cells[column]
                if column == 0:
                    draw.text((left, top), name, "black", font)
                if picture:
                    sheet.paste(picture, (int(left), top + _LINE))
                draw.text((left, top + _LINE + _HEIGHT + 2), _cut(told, font, widths[column]), "gray", font)
            left += int(widths[column]) + _GAP
        return sheet


def page(title: str, variants: Sequence[Variant], rows: Sequence[tuple[Path, Sequence[Made]]]) -> str:
    """Return a comparison as HTML that needs no other file, and nothing of the network."""
    heads = "".join(f"<th scope=col>{html.escape(one)}</th>" for one in ("original", *(v.said for v in variants)))
    body = []
    for picture, made in rows:
        cells = [_cell(picture, "original", picture.name)]
        for one in made:
            told = html.escape(one.error) if one.error else f"{one.seconds:.2f} s"
            cells.append(_cell(one.path, told, f"{picture.name} by {one.variant.said}"))
        body.append(f"<tr><th scope=row>{html.escape(picture.name)}</th>{''.join(cells)}</tr>")
    values = {"title": html.escape(title), "heads": heads, "rows": "\n".join(body)}
    first, *parts = (files("imgtrans.compare") / "page.html").read_text(encoding="utf-8").split("{{")
    return first + "".join(values[name] + rest for name, _, rest in (part.partition("}}") for part in parts))


def _cell(path: Path | None, told: str, name: str) -> str:
    image = _opened(path) if path else None
    if image is None:
        return f"<td class=failed>{told}</td>"
    image.thumbnail((_LONGEST, _LONGEST), Image.Resampling.LANCZOS)
    content = io.BytesIO()
    image.save(content, "WEBP", quality=90)
    address = base64.b64encode(content.getbuffer()).decode()
    alt = html.escape(name, quote=True)
    shown = f'<img alt="{alt}" src="data:image/webp;base64,{address}">'
    return f"<td><button type=button>{shown}</button><span>{told}</span></td>"


def _opened(path: Path) -> Image.Image | None:
    try:
        return Image.fromarray(decode(path).pixels)
    except ImageError:
        return None


def _scaled(image: Image.Image | None) -> Image.Image | None:
    """Return a picture at the height of a sheet's; a very wide one at less."""
    if image is None:
        return None
    scale = min(_HEIGHT / image.height, 2 * _HEIGHT / image.width)
    return image.resize(
        (max(1, round(image.width * scale)), max(1, round(image.height * scale))), Image.Resampling.LANCZOS
    )


def _cut(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float) -> str:
    """Return as much of a text as there is room for."""
    while len(text) > 1 and font.getlength(text) > width:
        text = f"{text[:-2]}…" if text.endswith("…") else f"{text[:-1]}…"
    return text
