"""What is changed about a crop so that pictures teach more: drawn, as the crop is, from the seed and its number."""

import math
import random
from dataclasses import dataclass

from PIL import Image, ImageEnhance

_EDGE = 4  # pixels, so that what lies beyond a turned picture is not blended in


@dataclass(frozen=True)
class Augmentation:
    """What may be changed.

    Attributes:
        flip: Whether crops are mirrored half of the time.
        colour_jitter: Brightness, contrast and saturation are multiplied by factors from 1 less this to 1 more.
        rotate: Crops are turned by up to so many degrees, to either side.
    """

    flip: bool = True
    colour_jitter: float = 0.0
    rotate: float = 0.0

    def draw(self, seed: int, n: int, domain: str) -> "Change | None":
        """Return what is changed about the crop of one domain in pair ``n``, besides mirroring; None for nothing."""
        if not self.colour_jitter and not self.rotate:
            return None
        draw = random.Random(f"{seed}/{n}/{domain}")  # of its own, so that crops stay where they are without it
        angle = draw.uniform(-self.rotate, self.rotate)
        low, high = 1 - self.colour_jitter, 1 + self.colour_jitter
        return Change(angle, draw.uniform(low, high), draw.uniform(low, high), draw.uniform(low, high))


@dataclass(frozen=True)
class Change:
    """What is changed about a crop.

    Attributes:
        angle: By which it is turned, in degrees.
        brightness: Factor, as are the next two.
        contrast: Of the difference from the mean lightness.
        saturation: Of the difference from gray.
    """

    angle: float
    brightness: float
    contrast: float
    saturation: float

    def widened(self, side: int) -> int:
        """Return the side of a square, in pixels, out of whose middle one of ``side`` can be cut when it is turned."""
        turned = math.radians(self.angle)
        return math.ceil(side * (abs(math.sin(turned)) + abs(math.cos(turned)))) + _EDGE if turned else side

    def made_of(self, image: Image.Image, side: int) -> Image.Image:
        """Turn and colour an RGB picture of the side that :meth:`widened` says; return one of ``side``."""
        if self.angle:
            image = image.rotate(self.angle, Image.Resampling.BICUBIC)
            edge = (image.width - side) // 2
            image = image.crop((edge, edge, edge + side, edge + side))
        for kind, factor in (
            (ImageEnhance.Brightness, self.brightness),
            (ImageEnhance.Contrast, self.contrast),
            (ImageEnhance.Color, self.saturation),
        ):
            if factor != 1:
                image = kind(image).enhance(factor)
        return image
