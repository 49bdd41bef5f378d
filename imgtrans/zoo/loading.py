"""From a reference (name or path) to a network: recognised, built and filled with its weights."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import torch
from torch import Tensor, nn

from imgtrans import checkpoint
from imgtrans.card import Card, read_card
from imgtrans.errors import ModelError
from imgtrans.files import sha256_of
from imgtrans.protocols import Architecture, Recognition
from imgtrans.registry import implementation, implementations
from imgtrans.zoo.store import CARD_FILE, Model, find, install, is_path

_GROUP = "imgtrans.architectures"


def find_model(reference: str) -> Model:
    """Return the model that a name or a path to a checkpoint stands for.

    A path's model is recognised from the file, unless a card stands beside it that is this file's.

    Raises:
        ModelError: If there is none, or it cannot be read or recognised.
    """
    if not is_path(reference):
        return find(reference)
    path = Path(os.path.expanduser(reference))  # noqa: PTH111 - pathlib's raises for the ~ of an unknown user
    weights = checkpoint.read_weights(path)
    digest = sha256_of(path)
    beside = path.parent / CARD_FILE
    if beside.exists():
        card = read_card(beside)
        if card.sha256 == digest:
            return Model(card, path)
    architecture, recognition = recognise(path, weights)
    return Model(Card(path.stem, "", "", architecture, recognition.parameters, digest), path, keys=recognition.keys)


def load_network(model: Model) -> nn.Module:
    """Build a model's network in float32 on the CPU and fill in its weights, in evaluation mode.

    Its values are in the card's range; see :func:`in_usual_range`.

    Raises:
        ModelError: If weights and card do not belong together, or weights are not finite.
    """
    architecture: Architecture = implementation(_GROUP, model.card.architecture)
    weights = respelled(checkpoint.read_weights(model.weights), model.keys)
    try:
        with torch.device("meta"):
            network = architecture.build(model.card.parameters)
        network.load_state_dict({name: tensor.float() for name, tensor in weights.items()}, strict=True, assign=True)
    except (RuntimeError, KeyError, TypeError, ValueError) as error:
        # What PyTorch says takes a page; a ValueError is the architecture's own sentence.
        reason = f": {error}" if type(error) is ValueError else ""
        raise ModelError(
            f"{model.weights} does not hold the network that the card of {model.name!r} says{reason}"
        ) from error
    _check_finite(model.weights, weights)
    return network.eval().requires_grad_(False)


def in_usual_range(network: nn.Module, value_range: tuple[float, float]) -> nn.Module:
    """Return a network of values in ``value_range`` as one of values in [-1, 1], which is what backends take."""
    return network if value_range == (-1.0, 1.0) else _Rescaled(network, *value_range)


class _Rescaled(nn.Module):
    """Maps [-1, 1] to the range of a network, and what comes out of it back."""

    def __init__(self, network: nn.Module, low: float, high: float) -> None:
        super().__init__()
        self.network = network
        self.middle, self.reach = (low + high) / 2, (high - low) / 2

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.network(x * self.reach + self.middle)
        return (y.float() - self.middle) / self.reach


def respelled(weights: dict[str, Tensor], keys: Mapping[str, str] | None) -> dict[str, Tensor]:
    """Return weights under a network's own keys; see :class:`imgtrans.protocols.Recognition`."""
    return weights if keys is None else {own: weights[theirs] for own, theirs in keys.items()}


def recognise(path: Path, weights: dict[str, Tensor]) -> tuple[str, Recognition]:
    """Return the name of the architecture that weights belong to, and what it says about them.

    Raises:
        ModelError: If no architecture knows them, or two do.
    """
    shapes = checkpoint.shapes_of(weights)
    matches = {
        name: recognition
        for name, architecture in implementations(_GROUP).items()
        if (recognition := architecture.recognise(shapes)) is not None
    }
    if len(matches) > 1:
        raise ModelError(f"{path} could be more than one network: {', '.join(matches)}")
    if not matches:
        kernels = [shape for shape in shapes.values() if len(shape) == 4]
        if kernels and kernels[-1][0] == 1 and all(shape[2:] == (4, 4) for shape in kernels):
            raise ModelError(
                f"{path} looks like a discriminator, which judges pictures and makes none",
                "the generator of the same training is what translates",
            )
        first = ", ".join(f"{name} {'x'.join(map(str, shape))}" for name, shape in list(shapes.items())[:3])
        raise ModelError(f"{path} holds weights of an unknown network ({first}, ...)", checkpoint.READABLE)
    _check_finite(path, weights)
    return next(iter(matches.items()))


def _check_finite(path: Path, weights: dict[str, Tensor]) -> None:
    for name, tensor in weights.items():
        if not torch.isfinite(tensor).all():
            raise ModelError(f"{path} holds numbers that are not finite (in {name}); the training that made it failed")


def import_checkpoint(
    path: Path, name: str, *, source: str = "", target: str = "", licence: str = "", working_size: int = 0
) -> Model:
    """Recognise a checkpoint and put it into the zoo as ``name``; the other arguments go on its card.

    Raises:
        ModelError: If it cannot be read or recognised.
        FilesError: If the name is taken.
    """
    weights = checkpoint.read_weights(path)
    architecture, recognition = recognise(path, weights)
    card = Card(
        name=name,
        source=source,
        target=target,
        architecture=architecture,
        parameters=recognition.parameters,
        sha256="",
        licence=licence,
        working_size=working_size,
        provenance=f"imported from {path.name}",
        date=datetime.now(UTC).date().isoformat(),
    )
    return install(card, lambda file: checkpoint.write_weights(respelled(weights, recognition.keys), file))
