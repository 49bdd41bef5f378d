"""Pictures as other programs have them, PIL images, arrays and tensors, and the way back to the same kind."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from imgtrans.errors import UsageError
from imgtrans.images.colour import srgb_profile
from imgtrans.images.decode import Picture, decode_loaded
from imgtrans.images.deep import TOP
from imgtrans.images.keepsake import Keepsake
from imgtrans.protocols import Pixels

SOURCE = "the picture"  # what errors call one that has no file
_CHANNELS = (1, 3, 4)
_BEYOND = 0.01  # that floats may be out of range, as after resampling; they are clipped
_SHAPES = "pictures are (H, W), (H, W, 3) or (H, W, 4), gray, RGB or RGBA, or several of one size, (N, H, W, channels)"
_TENSORS = "pictures are (3, H, W), or 1 or 4 channels for gray or RGBA, or several of one size, (N, channels, H, W)"
_KINDS = "take a PIL image, a NumPy array, a tensor, a path, or a list of them"


@dataclass(frozen=True)
class Taken:
    """What was given for a picture, or several of one size.

    Attributes:
        pictures: They, decoded.
        back: Makes the same kind of thing of their translations.
    """

    pictures: list[Picture]
    back: Callable[[Sequence[Picture]], Any]


def taken(given: Any) -> Taken:
    """Take what somebody gives for a picture.

    Raises:
        UsageError: If it is none, or its numbers have no meaning as one.
    """
    if isinstance(given, Image.Image):
        return Taken([decode_loaded(given, SOURCE)], lambda made: _image(made[0]))
    if isinstance(given, np.ndarray):
        return _taken_array(given)
    if isinstance(given, torch.Tensor):
        return _taken_tensor(given)
    raise UsageError(f"{type(given).__name__} is no kind of picture", _KINDS)


def _image(made: Picture) -> Image.Image:
    pixels = made.pixels if made.alpha is None else np.dstack([made.pixels, made.alpha])
    image = Image.fromarray(pixels)
    if made.keep.had_profile:
        image.info["icc_profile"] = srgb_profile()
    return image


def _taken_array(given: NDArray[Any]) -> Taken:
    if given.ndim not in (2, 3, 4) or (given.ndim > 2 and given.shape[-1] not in _CHANNELS) or not given.size:
        raise UsageError(f"an array of shape {given.shape} is no picture", _SHAPES)
    several = given if given.ndim == 4 else given[None]
    pictures = [_picture(one[..., None] if one.ndim == 2 else one) for one in several]

    def back(made: Sequence[Picture]) -> NDArray[Any]:
        values = np.stack([_values(one) for one in made])
        if given.dtype.kind == "f":
            values = (values / TOP).astype(given.dtype)
        return values if given.ndim == 4 else values[0]

    return Taken(pictures, back)


def _taken_tensor(given: torch.Tensor) -> Taken:
    if given.ndim not in (3, 4) or given.shape[-3] not in _CHANNELS or not given.numel():
        raise UsageError(f"a tensor of shape {tuple(given.shape)} is no picture", _TENSORS)
    here = given.detach().cpu()
    array = _taken_array((here.float() if here.is_floating_point() else here).movedim(-3, -1).numpy())

    def back(made: Sequence[Picture]) -> torch.Tensor:
        values = torch.from_numpy(array.back(made)).movedim(-1, -3).contiguous()
        return values.to(given.device, given.dtype)

    return Taken(array.pictures, back)


def _picture(values: NDArray[Any]) -> Picture:
    """Return an array (H, W, 1, 3 or 4) as a picture."""
    if values.dtype.kind == "f":
        values = _in_16_bits(values)
    if values.dtype not in (np.uint8, np.uint16):
        raise UsageError(
            f"numbers of type {values.dtype} are no picture's",
            "uint8 is 0 to 255, uint16 0 to 65535, and floats are 0 to 1",
        )
    pixels: Pixels = np.ascontiguousarray(values[..., :3] if values.shape[2] > 1 else values.repeat(3, axis=2))
    alpha = values[..., 3] if values.shape[2] == 4 else None
    return Picture(pixels, alpha, Keepsake(SOURCE, ""))


def _in_16_bits(values: NDArray[Any]) -> NDArray[np.uint16]:
    values = values.astype(np.float32, copy=False)
    low, high = float(values.min()), float(values.max())
    if not (low >= -_BEYOND and high <= 1 + _BEYOND):  # NaN is neither
        raise UsageError(
            f"floats of a picture are 0 to 1, and these are {low:g} to {high:g}",
            "of -1 to 1 make (x + 1) / 2, of 0 to 255 make uint8, and clip what is only a little beyond",
        )
    deep: NDArray[np.uint16] = np.rint(values.clip(0, 1) * TOP).astype(np.uint16)
    return deep


def _values(made: Picture) -> Pixels:
    return made.pixels if made.alpha is None else np.dstack([made.pixels, made.alpha])
