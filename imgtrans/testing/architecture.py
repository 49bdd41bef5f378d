"""The contract of an architecture."""

import math
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from imgtrans.card import Card, read_card
from imgtrans.protocols import Architecture, Parameters, Reading, Recognition
from imgtrans.testing.promise import require

Shapes = dict[str, tuple[int, ...]]

_OWN = "its own"
_OF_PIXELS = ("value_range", "output_range", "channel_order")
_DIFFERENCE = 1e-4  # in float32, for values from -1 to 1
_NONSENSE: tuple[Any, ...] = (None, "nonsense", -1, 10**9, math.nan, [None], {"a": 1})
_FOREIGN: dict[str, Shapes] = {
    "an empty file": {},
    "a file of nonsense": {"weight": (1, 2, 3, 4), "x..y.": (), "": (7,), "model.1.weight": (0, 0, 0, 0)},
    "a classifier": {"features.0.weight": (8, 3, 3, 3), "features.0.bias": (8,), "classifier.weight": (10, 8)},
}


def check_architecture(architecture: Architecture, examples: Iterable[Parameters] | None = None) -> None:
    """Check all that :class:`imgtrans.protocols.Architecture` promises.

    Args:
        architecture: What the entry point names.
        examples: Parameters of networks to try it with; without any, those that it offers itself.

    Raises:
        AssertionError: If it does not keep a promise; the message says which, and with what parameters.
    """
    tried = list(architecture.examples() if examples is None else examples)
    require(bool(tried), f"{architecture.name} offers no examples")
    if isinstance(architecture, Reading):
        _check_reading(architecture)
    for what, shapes in _FOREIGN.items():
        require(architecture.recognise(shapes) is None, f"{architecture.name} takes {what} for its own")
    for parameters in tried:
        said = f"{architecture.name} with {parameters}"
        _check_parameters(architecture, parameters, said)
        _check_nonsense(architecture, parameters)
        _check_recognition(architecture, parameters, said)
        _check_network(architecture, parameters, said)


def check_checkpoint(architecture: Architecture, original: nn.Module, **assumed: Any) -> Recognition:
    """Check that a network of somebody else's code is recognised, and that ours computes the same.

    Args:
        architecture: Who is to recognise it.
        original: Their network, with weights of any kind; it is put into evaluation mode.
        assumed: Other values of assumed parameters than those that are assumed.

    Returns:
        What was recognised.

    Raises:
        AssertionError: If it is not recognised, or the outputs differ.
    """
    weights = original.state_dict()
    recognition = architecture.recognise(shapes_of(original))
    if recognition is None:
        raise AssertionError(f"{architecture.name} does not recognise {', '.join([*weights][:3])}, ...")
    parameters = {**recognition.parameters, **assumed}
    ours = architecture.build(parameters)
    ours.load_state_dict({own: weights[theirs] for own, theirs in recognition.keys.items()}, strict=True)
    for height, width in _sides(architecture, parameters):
        pictures = _noise(2, parameters.get("channels", 3), height, width)
        difference = (_output(ours, pictures) - _output(original, pictures)).abs().max().item()
        require(difference <= _DIFFERENCE, f"{parameters}: at {width}x{height} the outputs differ by {difference}")
    return recognition


def shapes_of(network: nn.Module) -> Shapes:
    """Return the names and shapes of a network's state dict, which are all that ``recognise`` is shown."""
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


def _check_reading(architecture: Reading) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name in ("net.pth", "net.safetensors", "net"):
            path = Path(folder) / name
            for there in (False, True):
                read = architecture.read(path)
                require(read is None, f"it reads {name}, which is {'nothing it knows' if there else 'not there'}")
                path.write_bytes(b"nothing it knows")


def _check_parameters(architecture: Architecture, parameters: Parameters, said: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "card.toml"
        path.write_text(Card("example", "", "", architecture.name, parameters, "").to_toml(), encoding="utf-8")
        again = read_card(path).parameters
    require(repr(again) == repr(parameters), f"{said}: out of a card come {again}")
    multiple, smallest = architecture.multiple(parameters), architecture.smallest(parameters)
    require(multiple >= 1, f"{said}: sides are multiples of {multiple}")
    require(
        smallest >= 1 and smallest % multiple == 0, f"{said}: the least side, {smallest}, is no multiple of {multiple}"
    )
    memory = architecture.bytes_per_pixel(parameters)
    require(0 < memory < math.inf, f"{said}: it takes {memory} bytes for each pixel")


def _check_nonsense(architecture: Architecture, parameters: Parameters) -> None:
    wrong = [{**parameters, name: value} for name in parameters for value in _NONSENSE]
    for bad in [*wrong, {}] if parameters else []:
        try:
            with torch.device("meta"):
                architecture.build(bad)
        except ValueError:
            continue
        except Exception as error:
            raise AssertionError(f"{architecture.name} answers {bad} with {error!r} and no ValueError") from error
        raise AssertionError(f"{architecture.name} builds a network of {bad}")


def _check_recognition(architecture: Architecture, parameters: Parameters, said: str) -> None:
    shapes = _built(architecture, parameters)
    layouts = architecture.layouts(parameters)
    for layout, spelling in {_OWN: {name: name for name in shapes}, **layouts}.items():
        where = f"{said}, in the layout {layout!r},"
        require(spelling.keys() == shapes.keys(), f"{where} has no name for some keys, or names for others")
        theirs = {spelling[own]: shape for own, shape in shapes.items()}
        require(len(theirs) == len(shapes), f"{where} has one name for two keys")
        recognition = architecture.recognise(theirs)
        if recognition is None:
            # Its own spelling may be nobody else's, so long as there is one that it can be told by.
            tellable = bool(layouts) or isinstance(architecture, Reading)
            require(layout == _OWN and tellable, f"{where} is not recognised")
            continue
        _check_fit(architecture, recognition, theirs, where)
        require(dict(recognition.keys) == dict(spelling), f"{where} has some of its keys taken for others")
        told, true = (
            {name: value for name, value in some.items() if name not in recognition.assumed}
            for some in (recognition.parameters, parameters)
        )
        require(told == true, f"{where} is taken for {told}")
        for mutilated in _mutilated(theirs):
            other = architecture.recognise(mutilated)
            if other is not None:
                _check_fit(architecture, other, mutilated, f"{where} and mutilated,")


def _mutilated(shapes: Shapes) -> Iterator[Shapes]:
    """Yield other people's files that look alike: keys are missing, or hold something else."""
    names = [*shapes]
    for name in dict.fromkeys((names[0], names[len(names) // 2], names[-1])):
        yield {other: shape for other, shape in shapes.items() if other != name}
        for shape in ((), (*shapes[name], 2), tuple(side + 1 for side in shapes[name])):
            yield {**shapes, name: shape}
    yield dict.fromkeys(names, ())


def _check_fit(architecture: Architecture, recognition: Recognition, shapes: Shapes, where: str) -> None:
    """Check that what is recognised can be built, as assumed, and that its keys fill it."""
    assumed = _of_network(recognition.assumed)
    filled = {own: shapes.get(theirs) for own, theirs in recognition.keys.items()}
    for other in recognition.alternatives:
        require(other.keys() <= recognition.assumed.keys(), f"{where} has {other} beside what is assumed")
    changes = ({}, *map(_of_network, recognition.alternatives))
    for parameters in (
        recognition.parameters,
        *({**recognition.parameters, **assumed, **change} for change in changes),
    ):
        require(
            _built(architecture, parameters) == filled, f"{where} is taken for what it does not fill: {recognition}"
        )


def _of_network(parameters: Parameters) -> Parameters:
    return {name: value for name, value in parameters.items() if name not in _OF_PIXELS}


def _built(architecture: Architecture, parameters: Parameters) -> Shapes:
    """Return what a network needs: all of its state dict but counters, which PyTorch supplies itself."""
    with torch.device("meta"):
        shapes = shapes_of(architecture.build(parameters))
    return {name: shape for name, shape in shapes.items() if not name.endswith(".num_batches_tracked")}


def _check_network(architecture: Architecture, parameters: Parameters, said: str) -> None:
    torch.manual_seed(0)
    network = architecture.build(parameters)
    for height, width in _sides(architecture, parameters):
        pictures = _noise(2, parameters.get("channels", 3), height, width)
        output = _output(network, pictures)
        shape = (2, parameters.get("channels_out") or pictures.shape[1], height, width)
        require(output.shape == shape, f"{said}: of {tuple(pictures.shape)} it makes {tuple(output.shape)}")
        require(bool(torch.isfinite(output).all()), f"{said}: it makes what is not finite")
        alone = torch.cat([_output(network, picture[None]) for picture in pictures])
        difference = (output - alone).abs().max().item()
        require(difference <= _DIFFERENCE, f"{said}: done again, or alone, a picture differs by {difference}")


def _sides(architecture: Architecture, parameters: Parameters) -> list[tuple[int, int]]:
    multiple, smallest = architecture.multiple(parameters), architecture.smallest(parameters)
    return [(smallest, smallest), (smallest + multiple, smallest + 2 * multiple)]


def _noise(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0)) * 2 - 1


def _output(network: nn.Module, pictures: Tensor) -> Tensor:
    with torch.inference_mode():
        output: Tensor = network.eval()(pictures)
        return output
