"""The contract of an architecture can be broken in many ways, and each is noticed."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from imgtrans.protocols import Parameters, Recognition
from imgtrans.testing import check_architecture, check_checkpoint


class Layer:
    """The smallest honest architecture: one convolution of any width, within one channel of in and out."""

    name = "layer"

    def recognise(self, shapes: Mapping[str, tuple[int, ...]]) -> Recognition | None:
        weight = shapes.get("0.weight", ())
        if len(weight) != 4:
            return None
        parameters = {"channels": weight[1], "side": weight[2]}
        wanted = {"0.weight": (weight[1], weight[1], weight[2], weight[2])}
        if shapes != wanted or not weight[2] % 2 or not weight[1]:
            return None
        return Recognition(parameters, {name: name for name in wanted})

    def build(self, parameters: Parameters) -> nn.Module:
        if any(type(parameters.get(name)) is not int or not 1 <= parameters[name] < 9 for name in ("channels", "side")):
            raise ValueError("no such layer")
        channels, side = parameters["channels"], parameters["side"]
        return nn.Sequential(nn.Conv2d(channels, channels, side, padding=side // 2, bias=False))

    def multiple(self, parameters: Parameters) -> int:
        return 2

    def smallest(self, parameters: Parameters) -> int:
        return 4

    def layouts(self, parameters: Parameters) -> Mapping[str, Mapping[str, str]]:
        return {"plain": {"0.weight": "0.weight"}}

    def bytes_per_pixel(self, parameters: Parameters) -> float:
        return 24.0

    def examples(self) -> list[Parameters]:
        return [{"channels": 3, "side": 3}, {"channels": 1, "side": 1}]


def fault(member: str, instead: Callable[..., Any]) -> Layer:
    """Return the layer with one method that does otherwise; it is given the honest one's result first."""
    layer = Layer()
    honest = getattr(layer, member)
    setattr(layer, member, lambda *arguments: instead(honest(*arguments), *arguments))
    return layer


class Twice(nn.Module):
    """A network with a fault of its own around an honest one."""

    def __init__(self, network: nn.Module, fault: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.layers = network
        self.fault = fault

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        return self.layers.state_dict()

    def forward(self, x: Tensor) -> Tensor:
        return self.fault(self.layers(x))


def around(change: Callable[[Tensor], Tensor]) -> Layer:
    return fault("build", lambda network, _: Twice(network, change))


def raising(error: Exception) -> Any:
    raise error


def test_an_honest_architecture_passes():
    check_architecture(Layer())
    check_architecture(Layer(), [{"channels": 4, "side": 5}])


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        (fault("examples", lambda _: []), "layer offers no examples"),
        (fault("recognise", lambda told, _: told or Recognition({}, {})), "takes an empty file for its own"),
        (fault("recognise", lambda told, shapes: None), "in the layout 'its own', is not recognised|'plain', is not"),
        (fault("recognise", lambda told, _: told and Recognition({"channels": 3, "side": 1}, told.keys)), "not fill"),
        (fault("recognise", lambda told, _: told and Recognition(told.parameters, {})), "not fill"),
        (
            fault("recognise", lambda told, _: told and Recognition(told.parameters, told.keys, "", {"side": 7})),
            "not fill",
        ),
        (
            fault("recognise", lambda told, s: told or (Layer().recognise({"0.weight": (3, 3, 3, 3)}) if s else None)),
            "takes a file of nonsense for its own",
        ),
        (fault("layouts", lambda _, p: {"odd": {}}), "in the layout 'odd', has no name for some keys"),
        (fault("layouts", lambda _, p: {"odd": {"0.weight": "w"}}), "in the layout 'odd', is not recognised"),
        (fault("multiple", lambda _, p: 0), "sides are multiples of 0"),
        (fault("smallest", lambda _, p: 5), "the least side, 5, is no multiple of 2"),
        (fault("bytes_per_pixel", lambda _, p: 0), "it takes 0 bytes"),
        (fault("bytes_per_pixel", lambda _, p: float("nan")), "it takes nan bytes"),
        (fault("examples", lambda _: [{"channels": 3, "side": (3,)}]), "out of a card come"),
        (around(lambda y: y[:, :, 1:]), r"it makes \(2, 3, 3, 4\)"),
        (around(lambda y: y[:, :1].expand(-1, 5, -1, -1)), r"it makes \(2, 5, 4, 4\)"),
        (around(lambda y: y / 0), "it makes what is not finite"),
        (around(lambda y: y - y.mean()), "done again, or alone, a picture differs"),
        (around(lambda y: y + torch.rand(())), "done again, or alone, a picture differs"),
    ],
)
def test_a_promise_that_is_not_kept_is_named(broken: Layer, sentence: str):
    with pytest.raises(AssertionError, match=sentence):
        check_architecture(broken)


def test_nonsense_must_be_refused_and_with_a_value_error():
    lenient, rude = Layer(), Layer()
    lenient.build = lambda parameters: nn.Identity()
    with pytest.raises(AssertionError, match=r"layer builds a network of \{'channels': None"):
        check_architecture(lenient)
    honest = rude.build
    rude.build = lambda p: honest(p) if p in rude.examples() else raising(KeyError("channels"))
    with pytest.raises(AssertionError, match=r"with KeyError\('channels'\) and no ValueError"):
        check_architecture(rude)


def test_a_checkpoint_of_other_code_is_understood_or_not():
    theirs = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1, bias=False))
    assert check_checkpoint(Layer(), theirs).parameters == {"channels": 3, "side": 3}
    with pytest.raises(AssertionError, match=r"layer does not recognise 0\.weight, 0\.bias"):
        check_checkpoint(Layer(), nn.Sequential(nn.Conv2d(3, 3, 3)))
    with pytest.raises(AssertionError, match="at 4x4 the outputs differ by"):
        check_checkpoint(Layer(), nn.Sequential(*theirs, nn.Tanh()))
