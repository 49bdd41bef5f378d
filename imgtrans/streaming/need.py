"""What streaming a picture takes, going by a model's card; its weights are not read."""

import contextlib

import torch

from imgtrans.errors import ImageError
from imgtrans.streaming.planning import plan
from imgtrans.streaming.program import program_of
from imgtrans.zoo.adapting import channels_of
from imgtrans.zoo.architecture import architecture_of
from imgtrans.zoo.store import Model

_ENOUGH = 1 << 30  # what fits in there needs no scratch file; wider pictures get one


def streamed_bytes(model: Model, width: int, height: int) -> int | None:
    """Return the bytes of main memory that a picture takes strip by strip, on a CPU in float32, besides weights.

    Args:
        model: A model that can be built.
        width: At which the network sees the picture, in pixels.
        height: At which the network sees the picture, in pixels.

    Returns:
        At most a gigabyte; None if the network cannot be streamed, or a strip of one row takes more.
    """
    architecture, parameters = architecture_of(model.card), model.card.parameters
    multiple = architecture.multiple(parameters)
    shape = (channels_of(model.card)[0], -(-height // multiple) * multiple, -(-width // multiple) * multiple)
    with contextlib.suppress(ImageError, ValueError):
        with torch.device("meta"):  # shapes are all that counts
            program = program_of(architecture.build(parameters).eval())
        return plan(program, shape, _ENOUGH, None, torch.float32).memory
    return None
