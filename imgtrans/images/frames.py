"""Files of several pictures: which of their frames or pages count, how large they are together, and their timing."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from PIL import Image

from imgtrans.images.kinds.anytiff import AnyTiff

_ANIMATED = ("GIF", "PNG", "WEBP", "AVIF")  # a PSD's frames are its layers, an MPO's first is the photo


@dataclass(frozen=True)
class Timing:
    """How an animation plays.

    Attributes:
        durations: Milliseconds of each frame; empty if it is no animation.
        plays: How often it is shown; 0 is for ever.
        apart: Whether the first frame is no part of it, but what a PNG shows where animations are not known.
    """

    durations: tuple[float, ...] = ()
    plays: int = 1
    apart: bool = False


STILL = Timing()


def count_frames(image: Image.Image) -> tuple[list[int], int]:
    """Return the numbers of the frames or pages that count, and their pixels.

    Those before the current one do not: a file is opened at the first that is a picture. Thumbnails, lower levels of a
    pyramid and masks in a TIFF do not count either.
    """
    first = image.width * image.height
    frames = getattr(image, "n_frames", 1)
    if image.format in _ANIMATED:
        return [*range(frames)], first * frames
    start = image.tell()
    numbers, pixels = [start], first
    if isinstance(image, AnyTiff):
        for number in range(start + 1, frames):
            image.seek(number)
            if not image.is_part:
                numbers.append(number)
                pixels += image.width * image.height
        image.seek(start)
    return numbers, pixels


def duration(image: Image.Image) -> float:
    """Return how long the loaded frame is shown, in milliseconds."""
    value = image.info.get("duration")
    return float(value) if isinstance(value, int | float) and value > 0 else 0.0


def timing(image: Image.Image, durations: list[float]) -> Timing:
    """Return how a loaded file plays, given how long each frame does."""
    if image.format not in _ANIMATED or len(durations) == 1:
        return STILL
    plays = image.info.get("loop", None if image.format == "GIF" else 0)
    # A GIF tells how often it is repeated, or nothing if it is not.
    plays = 1 if plays is None else plays + 1 if image.format == "GIF" and plays else plays
    return Timing(tuple(durations), plays, apart=bool(getattr(image, "default_image", False)))


def playing(format: str, timing: Timing) -> dict[str, object]:
    """Return the options that make Pillow write a file that plays so."""
    durations = _in_steps(timing.durations, 10 if format == "GIF" else 1)
    if format == "GIF":  # each frame is a whole picture: what was there before goes, for it may be transparent now
        loop = {} if timing.plays == 1 else {"loop": max(0, timing.plays - 1)}
        return {"duration": durations, "disposal": 2, **loop}
    if format == "PNG":
        shown = timing.durations[timing.apart :]
        # None of them is laid over the one before, or makes room for the one after.
        return {
            "duration": [*shown], "loop": timing.plays, "default_image": timing.apart, "disposal": 0, "blend": 0
        }  # fmt: skip
    return {"duration": durations} | ({"loop": timing.plays} if format == "WEBP" else {})


def _in_steps(durations: Sequence[float], step: int) -> list[int]:
    """Return durations in whole steps: none lets the animation run ahead or behind by more than half a step."""
    ends = [round(end / step) * step for end in accumulate(durations)]
    return [end - start for start, end in pairwise([0, *ends])]
