"""A network of any value range, channel order and number of channels as one of RGB pictures in [-1, 1]."""

from torch import Tensor, nn

from imgtrans.card import Card
from imgtrans.errors import ModelError

_USUAL_RANGE = (-1.0, 1.0)
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow's mode L


def adapted(network: nn.Module, card: Card) -> nn.Module:
    """Return a network as one that takes and gives RGB pictures (N, 3, H, W) in [-1, 1], as backends expect.

    A network of one channel sees luminance; what it gives is gray.

    Raises:
        ModelError: If it is for pictures of other numbers of channels.
    """
    channels_in, channels_out = channels_of(card)
    if not {channels_in, channels_out} <= {1, 3}:
        what = f"{channels_in} channels" if channels_in == channels_out else f"{channels_in} to {channels_out} channels"
        raise ModelError(f"{card.name!r} is for pictures of {what}, neither RGB nor gray")
    usual = (card.value_range, card.channel_order, channels_in, channels_out) == (_USUAL_RANGE, "RGB", 3, 3)
    return network if usual else _Adapted(network, card, channels_in)


def channels_of(card: Card) -> tuple[int, int]:
    """Return the numbers of channels of the pictures that go into a network and come out of it."""
    channels_in = card.parameters.get("channels", 3)
    return channels_in, card.parameters.get("channels_out") or channels_in


class _Adapted(nn.Module):
    """Brings pictures to a network's terms, and what comes out of it back."""

    def __init__(self, network: nn.Module, card: Card, channels_in: int) -> None:
        super().__init__()
        self.network = network
        low, high = card.value_range
        self.middle, self.reach = (low + high) / 2, (high - low) / 2
        self.gray = channels_in == 1
        self.turned = card.channel_order == "BGR"

    def forward(self, x: Tensor) -> Tensor:
        if self.gray:
            x = (x * x.new_tensor(_LUMA).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)
        elif self.turned:
            x = x.flip(1)
        y: Tensor = self.network(x * self.reach + self.middle)
        y = (y.float() - self.middle) / self.reach
        if y.shape[1] == 1:
            return y.expand(-1, 3, -1, -1)
        return y.flip(1) if self.turned else y
