"""What a model costs is counted, whatever it is built of, and measured on request."""

from dataclasses import replace

import pytest
from torch import nn

from imgtrans.errors import ModelError, UnavailableError, UsageError
from imgtrans.opening import Opened
from imgtrans.protocols import Parameters
from imgtrans.zoo import measure
from imgtrans.zoo.measure import Cost, cost_of, needs, speed_of
from imgtrans.zoo.store import Model


def test_parameters_and_multiplications_are_counted(tiny: Model):
    cost = cost_of(tiny)
    # For each layer: kernel area x channels in x channels out, at a half or a quarter of the side behind a stride.
    trunk = 2 * 9 * 16 * 16
    layers = (49 * 3 * 4, 9 * 4 * 8, 9 * 8 * 16, trunk, 9 * 16 * 8, 9 * 8 * 4, 49 * 4 * 3)
    biases = 4 + 8 + 16 + 2 * 16 + 8 + 4 + 3
    assert cost.parameters == sum(layers) + biases
    shares = (1, 1 / 4, 1 / 16, 1 / 16, 1 / 4, 1, 1)
    assert cost.macs_per_pixel == sum(layer * share for layer, share in zip(layers, shares, strict=True))


class Odd:
    """Depthwise and transposed convolutions, batch and instance norms; sides are multiples of 300."""

    def build(self, parameters: Parameters) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(4, 8, 1, stride=2),
            nn.BatchNorm2d(8),
            nn.Conv2d(8, 8, 3, padding=1, groups=8),
            nn.InstanceNorm2d(8, affine=True),
            nn.ConvTranspose2d(8, 4, 2, stride=2),
        )

    def multiple(self, parameters: Parameters) -> int:
        return 300

    def bytes_per_pixel(self, parameters: Parameters) -> float:
        return 100.0


def test_any_architecture_is_counted(tiny: Model, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(measure, "architecture_of", lambda card: Odd())
    cost = cost_of(replace(tiny, card=replace(tiny.card, parameters={"channels": 4})))
    assert cost.macs_per_pixel == (4 * 8 + 9 * 8) / 4 + 8 * 4  # each output pixel of the last meets one tap
    assert cost.parameters == (32 + 8) + 16 + (72 + 8) + 16 + (128 + 4)


def test_weights_are_not_needed_to_count(tiny: Model):
    tiny.weights.unlink()
    assert cost_of(tiny).parameters > 0


@pytest.mark.parametrize("parameters", [{}, {"channels": 3, "ngf": 10**9, "blocks": 1, "upsampling": "nearest"}])
def test_a_card_of_no_network_is_refused(tiny: Model, parameters: Parameters):
    with pytest.raises(ModelError, match="the card of 'tiny' does not say what network it is"):
        cost_of(replace(tiny, card=replace(tiny.card, parameters=parameters)))


def test_an_architecture_that_is_not_installed_is_named(tiny: Model):
    with pytest.raises(UnavailableError, match="'transformer'"):
        cost_of(replace(tiny, card=replace(tiny.card, architecture="transformer")))


def test_memory_is_for_the_weights_the_pixels_that_the_network_sees_and_the_picture(tiny: Model):
    cost = Cost(parameters=1000, macs_per_pixel=1.0, bytes_per_pixel=100.0)
    small, large, native_small, native_large = needs(
        replace(tiny, card=replace(tiny.card, working_size=1000)), cost, 16
    )
    assert [(n.megapixels, n.size) for n in (small, large)] == [(1, "auto"), (12, "auto")]
    assert [(n.megapixels, n.size) for n in (native_small, native_large)] == [(1, "native"), (12, "native")]
    assert (small.width, small.height) == (large.width, large.height) == (1000, 750)
    assert large.memory == 4 * 1000 + 100 * 1000 * 750 + 16 * 12_000_000
    assert native_large.memory == 4 * 1000 + (100 + 16) * 12_000_000
    assert small.memory < native_small.memory


def test_a_model_without_a_working_size_sees_pictures_at_their_own(tiny: Model):
    found = needs(tiny, cost_of(tiny), 16)
    assert [(need.megapixels, need.size, need.width, need.height) for need in found] == [
        (1, "auto", 1155, 866),
        (12, "auto", 4000, 3000),
    ]


def test_the_seconds_are_measured_where_they_are_asked_for(tiny: Model):
    speed = speed_of(tiny, 65, 49, "cpu")
    assert 0 < speed.seconds < 60
    assert (speed.pixels, speed.where) == (65 * 49, "on cpu in float32, prepared")
    with pytest.raises(UsageError, match="which is not a device"):
        speed_of(tiny, 65, 49, "toaster")


def test_a_picture_that_does_not_fit_says_so(tiny: Model, monkeypatch: pytest.MonkeyPatch):
    class Full:
        def run(self, pictures: object) -> None:
            raise MemoryError

    monkeypatch.setattr(measure, "open_session", lambda *_: Opened(Full(), "full"))
    with pytest.raises(UnavailableError, match="65x49 pixels does not fit"):
        speed_of(tiny, 65, 49, "cpu")


def test_what_is_no_picture_is_not_run(tiny: Model):
    with pytest.raises(ModelError):
        speed_of(
            replace(tiny, card=replace(tiny.card, parameters=tiny.card.parameters | {"channels": 4})), 64, 64, "cpu"
        )
