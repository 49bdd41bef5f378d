"""Networks of other terms take and give RGB pictures in [-1, 1]."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from imgtrans.architectures.resnet import GeneratorResNet
from imgtrans.card import Card
from imgtrans.errors import ModelError
from imgtrans.zoo.adapting import adapted


class Network(nn.Module):
    """Computes what a test says, and keeps what it saw."""

    def __init__(self, compute: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.compute = compute

    def forward(self, x: Tensor) -> Tensor:
        self.seen = x
        return self.compute(x)


def card(**terms: object) -> Card:
    parameters = {name: terms.pop(name) for name in ("channels", "channels_out") if name in terms}
    return Card("it", "a", "b", "resnet", {"channels": 3, **parameters}, "", **terms)  # type: ignore[arg-type]


def pixel(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float32).view(1, -1, 1, 1)


def test_a_network_of_the_usual_terms_is_left_as_it_is(tiny_network: GeneratorResNet):
    assert adapted(tiny_network, card()) is tiny_network


@pytest.mark.parametrize("value_range", [(0.0, 1.0), (0.0, 255.0)])
def test_a_network_sees_and_gives_values_in_its_own_range(value_range: tuple[float, float]):
    darker = Network(lambda x: x / 2)
    y = adapted(darker, card(value_range=value_range))(pixel(-1, 0, 1))
    low, high = value_range
    assert darker.seen.flatten().tolist() == [low, (low + high) / 2, high]
    assert y.flatten().tolist() == [-1.0, -0.5, 0.0]  # black stays, white becomes gray


def test_a_network_may_give_another_range_than_it_takes():
    sigmoid = Network(lambda x: (x + 1) / 2)
    y = adapted(sigmoid, card(output_range=(0.0, 1.0)))(pixel(-1, 0, 1))
    assert sigmoid.seen.flatten().tolist() == [-1.0, 0.0, 1.0]
    assert y.flatten().tolist() == [-1.0, 0.0, 1.0]


def test_a_network_of_turned_channels_sees_and_gives_them_turned():
    network = Network(lambda x: x + pixel(0.5, 0, 0))
    y = adapted(network, card(channel_order="BGR"))(pixel(-1, 0, 0.5))
    assert network.seen.flatten().tolist() == [0.5, 0.0, -1.0]
    assert y.flatten().tolist() == [-1.0, 0.0, 1.0]


def test_a_gray_network_sees_luminance_and_gives_gray():
    network = Network(lambda x: -x)
    y = adapted(network, card(channels=1))(pixel(1, -1, -1))
    assert network.seen.shape == (1, 1, 1, 1)
    torch.testing.assert_close(network.seen.item(), 2 * 0.299 - 1)
    assert y.shape == (1, 3, 1, 1)
    torch.testing.assert_close(y.flatten().tolist(), [1 - 2 * 0.299] * 3)


def test_gray_can_become_colour():
    y = adapted(Network(lambda x: x.repeat(1, 3, 1, 1)), card(channels=1, channels_out=3))(pixel(1, 1, 1))
    torch.testing.assert_close(y.flatten().tolist(), [1.0, 1.0, 1.0])


@pytest.mark.parametrize(
    ("channels", "sentence"), [({"channels": 4}, "of 4 channels"), ({"channels_out": 2}, "of 3 to 2 channels")]
)
def test_pictures_of_other_numbers_of_channels_are_refused(channels: dict[str, int], sentence: str):
    with pytest.raises(ModelError, match=f"{sentence}, neither RGB nor gray"):
        adapted(Network(lambda x: x), card(**channels))
