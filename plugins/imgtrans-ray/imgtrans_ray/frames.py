"""What stands in this process for frames that are somewhere in the cluster."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ray import ObjectRef

Outline = tuple[tuple[int, ...], str]  # shape and type of an array
Place = tuple[int, int]  # which of several objects, and which of its frames


@dataclass(frozen=True, eq=False)
class Frame:
    """A frame that is elsewhere, with what a pipeline looks at.

    Attributes:
        shape: Of the array.
        dtype: Its type.
        ref: The object that it is in: frames of several pictures.
        number: Which of these it is.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    ref: ObjectRef
    number: int

    @property
    def itemsize(self) -> int:
        """Bytes of one number."""
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all."""
        return int(np.prod(self.shape)) * self.itemsize


def frames_of(ref: ObjectRef, outlines: Sequence[Outline]) -> list[Frame]:
    """Return what stands for the frames of an object."""
    return [Frame(shape, np.dtype(kind), ref, number) for number, (shape, kind) in enumerate(outlines)]


def outlines_of(arrays: Sequence[Any]) -> list[Outline]:
    """Return what has to be known of arrays to stand for them."""
    return [(array.shape, array.dtype.str) for array in arrays]


def packed(frames: Sequence[Frame]) -> tuple[list[Place], list[ObjectRef]]:
    """Return where frames are: their places in objects, and these objects, each once."""
    objects: dict[ObjectRef, int] = {}
    places = [(objects.setdefault(frame.ref, len(objects)), frame.number) for frame in frames]
    return places, [*objects]


def unpacked(places: Sequence[Place], objects: Sequence[Sequence[Any]]) -> list[Any]:
    """Return the arrays at places, where the objects are at hand."""
    return [objects[one][number] for one, number in places]
