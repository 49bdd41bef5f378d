"""A model's card in the header of a safetensors file, so that what was exported says itself what it is."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from imgtrans import checkpoint
from imgtrans.card import Card, parse_card
from imgtrans.errors import ModelError
from imgtrans.zoo.architecture import architecture_of

OWN = "imgtrans"  # the layout of the networks here themselves

_ENTRY = "imgtrans"  # one alone: the format has no order of several, and equal exports are equal files
_LONGEST = 1 << 20


@dataclass(frozen=True)
class Label:
    """What a file says of its network.

    Attributes:
        card: The card; its hash is that of the weights it was exported from.
        layout: Whose names the keys have.
        keys: For each key of the network, the file's.
    """

    card: Card
    layout: str
    keys: Mapping[str, str]


def header(card: Card, layout: str) -> dict[str, str]:
    """Return the header's entry for a model whose keys are spelled as ``layout`` does."""
    return {_ENTRY: f'layout = "{layout}"\n{card.to_toml()}'}


def label_of(path: Path) -> Label | None:
    """Return what a checkpoint says of itself, or None if it says nothing.

    Raises:
        ModelError: If it cannot be read, or says what cannot be true of its weights.
        UnavailableError: If the architecture that it names is not here.
    """
    text = checkpoint.read_header(path).get(_ENTRY, "")
    if not text:
        return None
    what = f"what {path} says of itself"
    if len(text) > _LONGEST:
        raise ModelError(f"{what} is no model card: it has {len(text):,} letters")
    card = parse_card(text, what)
    layout = tomllib.loads(text).get("layout", OWN)
    try:
        return Label(card, layout, layouts_of(card)[layout])
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{what} cannot be: there is no network of {card.architecture} like that ({error})") from error


def layouts_of(card: Card) -> dict[str, Mapping[str, str]]:
    """Return all layouts of a model's weights, as {the network's key: theirs}: the public ones first, then its own.

    Raises:
        ValueError: If the card is no network's.
        UnavailableError: If its architecture is not here.
    """
    architecture = architecture_of(card)
    with torch.device("meta"):
        own = architecture.build(card.parameters).state_dict()
    # Batch normalisation's counter matters to training alone.
    keys = {key: key for key in own if not key.endswith("num_batches_tracked")}
    return {**architecture.layouts(card.parameters), OWN: keys}
