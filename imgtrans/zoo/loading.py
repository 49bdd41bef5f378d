"""From a reference (name or path) to a network: found, built and filled with its weights."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from imgtrans import checkpoint
from imgtrans.card import Card, read_card
from imgtrans.errors import ModelError
from imgtrans.files import sha256_of
from imgtrans.zoo.architecture import architecture_of
from imgtrans.zoo.recognising import check_finite, read_by_architecture, recognise
from imgtrans.zoo.store import CARD_FILE, Model, find, is_path, name_of
from imgtrans.zoo.verify import check_unchanged


def find_model(reference: str) -> Model:
    """Return the model that a name or a path to a checkpoint stands for.

    A path's model is recognised from the file, unless a card stands beside it that is this file's.

    Raises:
        ModelError: If there is none, or it cannot be read or recognised.
    """
    if not is_path(reference):
        return find(reference)
    path = Path(os.path.expanduser(reference))  # noqa: PTH111 - pathlib's raises for the ~ of an unknown user
    beside = path.parent / CARD_FILE
    if path.is_file() and beside.exists():
        card = read_card(beside)
        if card.sha256 == sha256_of(path):
            checkpoint.read_weights(path)
            return Model(card, path)
    found = recognise(path)
    if found.label:
        card = replace(found.label.card, name=name_of(path), sha256=sha256_of(path))
        return Model(card, path, keys=found.recognition.keys)
    card = Card(
        name_of(path),
        "",
        "",
        found.architecture,
        found.parameters,
        sha256_of(path),
        assumed=tuple(found.recognition.assumed),
        value_range=found.value_range,
        output_range=found.output_range,
        channel_order=found.channel_order,
    )
    return Model(card, path, keys=found.recognition.keys, network=found.network)


def load_network(model: Model) -> nn.Module:
    """Build a model's network in float32 on the CPU and fill in its weights, in evaluation mode.

    Its pictures are in the card's terms; see :func:`imgtrans.zoo.adapting.adapted`.

    Raises:
        ModelError: If weights and card do not belong together, have changed since they came into the zoo, or are not
            finite.
        UnavailableError: If the network's architecture is not here.
    """
    if model.keys is None and model.card.sha256:  # a file whose network was recognised has been hashed for that
        check_unchanged(model)
    architecture = architecture_of(model.card)
    if model.keys is not None and (read := read_by_architecture(model.weights)):
        weights = read.weights
    elif model.network is None:
        weights = checkpoint.read_weights(model.weights)
    else:
        weights = checkpoint.read_networks(model.weights)[model.network]
    weights = respelled(weights, model.keys)
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
    check_finite(model.weights, weights)
    return network.eval().requires_grad_(False)


def respelled(weights: dict[str, Tensor], keys: Mapping[str, str] | None) -> dict[str, Tensor]:
    """Return weights under a network's own keys; see :class:`imgtrans.protocols.Recognition`."""
    return weights if keys is None else {own: weights[theirs] for own, theirs in keys.items()}
