"""A page to try models on pictures of one's own.

pip install imgtrans gradio
python examples/page.py
"""

from functools import lru_cache

import gradio
from PIL import Image

import imgtrans

NAMES = [card.name for card in imgtrans.models.list()]


@lru_cache(maxsize=2)
def loaded(name: str) -> imgtrans.Model:
    """Return a model, loaded when it is first asked for."""
    return imgtrans.load(name)


def translate(image: Image.Image, name: str, share: float) -> Image.Image:
    """Translate a picture, and take a share of the change."""
    return Image.blend(image.convert("RGB"), loaded(name)(image.convert("RGB")), share)


page = gradio.Interface(
    translate,
    [gradio.Image(type="pil"), gradio.Dropdown(NAMES, value=NAMES[0], label="Model"), gradio.Slider(0, 1, 1)],
    gradio.Image(type="pil", format="png"),
    title="imgtrans",
)

if __name__ == "__main__":
    page.launch()
