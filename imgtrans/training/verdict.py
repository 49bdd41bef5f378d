"""Whether what a training has made are models at all, by what they make of a few pictures."""

import torch
from torch import Tensor, nn

from imgtrans.errors import UnavailableError

_AT_THE_END = 0.99  # of a range from -1 to 1
_MOST_AT_THE_END = 0.95  # of the values of a picture; of the pictures that are to be like it, fewer are
_FLAT = 1 / 255  # standard deviation


@torch.no_grad()
def check_generator(network: nn.Module, name: str, pictures: Tensor, target: Tensor) -> None:
    """Make sure that a generator makes pictures, if not good ones.

    Args:
        network: The generator.
        name: What its model will be called.
        pictures: What it turns: (N, 3, H, W) in [-1, 1].
        target: Pictures that its results are to be like, likewise.

    Raises:
        UnavailableError: If what it makes is not finite, black and white only, or always the same.
    """
    made = network(pictures).float().cpu()
    target = target.float().cpu()
    if not torch.isfinite(made).all():
        what = "numbers that are not finite"
    elif _share_at_the_end(made) > _MOST_AT_THE_END >= _share_at_the_end(target):
        what = f"values that are all but black and white ({_share_at_the_end(made):.0%} at an end of their range)"
    elif made.std(0).mean() < _FLAT <= target.std(0).mean() and made.std((2, 3)).mean() < _FLAT:
        what = "the same flat colour of whatever it gets"
    else:
        return
    raise UnavailableError(
        f"the training has failed: {name} is no model, it makes {what}",
        "nothing was put into the zoo; start again under another --name, with a lower --learning-rate (the paper's is "
        "0.0002) or another --seed",
    )


def _share_at_the_end(pictures: Tensor) -> float:
    return float((pictures.abs() > _AT_THE_END).float().mean())
