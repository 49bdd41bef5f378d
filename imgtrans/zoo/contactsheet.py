"""A contact sheet: rows of pictures, each below a line that says what they are."""

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from imgtrans.protocols import Pixels

_GAP = 8
_LINE = 22
_TEXT = 13


def drawn(rows: Sequence[tuple[str, Sequence[Pixels]]]) -> Image.Image:
    """Return a sheet of rows, each a line of text and pictures (H, W, 3), 0 to 255, side by side."""
    font = ImageFont.load_default(_TEXT)
    texts = [font.getlength(said) for said, _ in rows]
    widths = [sum(picture.shape[1] + _GAP for picture in pictures) - _GAP for _, pictures in rows]
    heights = [_LINE + max(picture.shape[0] for picture in pictures) + _GAP for _, pictures in rows]
    sheet = Image.new("RGB", (2 * _GAP + int(max(*texts, *widths)), _GAP + sum(heights)), "white")
    draw = ImageDraw.Draw(sheet)
    top = _GAP
    for (said, pictures), height in zip(rows, heights, strict=True):
        draw.text((_GAP, top), said, "black", font)
        left = _GAP
        for picture in pictures:
            sheet.paste(Image.fromarray(picture), (left, top + _LINE))
            left += picture.shape[1] + _GAP
        top += height
    return sheet
