"""A network of any value range, channel order and number of channels as one of RGB pictures in [-1, 1]."""

import torch
from torch import Tensor, nn

from imgtrans.card import Card
from imgtrans.errors import ModelError
from imgtrans.protocols import Parameters

_USUAL_RANGE = (-1.0, 1.0)
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow's mode L


def adapted(network: nn.Module, card: Card) -> nn.Module:
    """Return a network as one that takes and gives RGB pictures (N, 3, H, W) in [-1, 1], as backends expect.

    A network of one channel sees luminance; what it gives is gray.

    Raises:
        ModelError: If it is for pictures of other numbers of channels.
    """
    channels_in, channels_out = check_channels(repr(card.name), card.parameters)
    terms = (card.value_range, card.made_range, card.channel_order, channels_in, channels_out)
    if terms == (_USUAL_RANGE, _USUAL_RANGE, "RGB", 3, 3):
        return network
    turned = card.channel_order == "BGR"
    towards = _Towards(*_middle_and_reach(*card.value_range), turned, gray=channels_in == 1)
    return nn.Sequential(towards, network, _Back(*_middle_and_reach(*card.made_range), turned))


def _middle_and_reach(low: float, high: float) -> tuple[float, float]:
    return (low + high) / 2, (high - low) / 2


def channels_of(card: Card) -> tuple[int, int]:
    """Return the numbers of channels of the pictures that go into a network and come out of it."""
    return _channels(card.parameters)


def check_channels(what: object, parameters: Parameters) -> tuple[int, int]:
    """Return the numbers of channels of a network that :func:`adapted` can adapt.

    Args:
        what: What to call it in a message.
        parameters: Its parameters.

    Raises:
        ModelError: If it is for pictures of other numbers of channels.
    """
    channels_in, channels_out = _channels(parameters)
    if not {channels_in, channels_out} <= {1, 3}:
        many = f"{channels_in} channels" if channels_in == channels_out else f"{channels_in} to {channels_out} channels"
        raise ModelError(f"{what} is for pictures of {many}, neither RGB nor gray")
    return channels_in, channels_out


def _channels(parameters: Parameters) -> tuple[int, int]:
    channels_in = parameters.get("channels", 3)
    return channels_in, parameters.get("channels_out") or channels_in


class _Towards(nn.Module):
    """Brings pictures to a network's terms: each pixel by itself, which is what streaming asks."""

    pointwise = True
    luma: Tensor

    def __init__(self, middle: float, reach: float, turned: bool, *, gray: bool) -> None:
        super().__init__()
        self.middle, self.reach, self.turned, self.gray = middle, reach, turned, gray
        # It goes to a device with the network: what is copied there in the middle of the work cannot be recorded.
        self.register_buffer("luma", torch.tensor(_LUMA).view(1, 3, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.gray:
            x = (x * self.luma).sum(dim=1, keepdim=True)
        elif self.turned:
            x = x.flip(1)
        return x * self.reach + self.middle


class _Back(nn.Module):
    """Brings what comes out of a network back to RGB in [-1, 1]."""

    pointwise = True

    def __init__(self, middle: float, reach: float, turned: bool) -> None:
        super().__init__()
        self.middle, self.reach, self.turned = middle, reach, turned

    def forward(self, y: Tensor) -> Tensor:
        y = (y.float() - self.middle) / self.reach
        if y.shape[1] == 1:
            return y.repeat(1, 3, 1, 1)  # no view: backends compute in place
        return y.flip(1) if self.turned else y
