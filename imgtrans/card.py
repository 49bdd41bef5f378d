"""A model's card: what it is, what it turns into what, and where it comes from, as ``card.toml``."""

import hashlib
import json
import math
import tomllib
from dataclasses import Field, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, get_origin

import tomli_w

from imgtrans.errors import ModelError
from imgtrans.protocols import Parameters


@dataclass(frozen=True)
class Card:
    """What stands in a model's ``card.toml``.

    Attributes:
        name: The model's name in the zoo.
        source: What it turns, as "summer".
        target: What it turns that into, as "winter".
        architecture: The registered architecture's name.
        package: The package that brought it; "" where that is imgtrans itself.
        parameters: That architecture's parameters (width, blocks, ...).
        sha256: Of the weights file; a model is known by it.
        assumed: Which of the parameters, and of the next three, its file did not tell when it was imported.
        value_range: Least and largest value of the network's pixels.
        output_range: The same of those that come out of it, where that is another; else empty.
        channel_order: Of the network's pixels, ``RGB`` or ``BGR``.
        training_size: Side of its training pictures in pixels; 0 where unknown.
        working_size: Longest side at which it does best, in pixels; 0 works at the picture's own.
        steps: Training steps; 0 where unknown.
        data_set: What it was trained on.
        licence: Of the weights.
        provenance: Who made it, how, from what; free text.
        date: When it was made, ISO 8601.
        training: How it was trained: settings, seed, pictures seen, duration, command.
        metrics: Figures measured on it.
    """

    name: str
    source: str
    target: str
    architecture: str
    parameters: Parameters
    sha256: str
    assumed: tuple[str, ...] = ()
    value_range: tuple[float, float] = (-1.0, 1.0)
    output_range: tuple[float, ...] = ()
    channel_order: str = "RGB"
    training_size: int = 0
    working_size: int = 0
    steps: int = 0
    package: str = ""
    data_set: str = ""
    licence: str = ""
    provenance: str = ""
    date: str = ""
    training: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)

    @property
    def made_range(self) -> tuple[float, float]:
        """Least and largest value of the pixels that the network makes."""
        low, high = self.output_range or self.value_range
        return low, high

    @property
    def terms(self) -> str:
        """What decides outputs besides the weights, in few letters; "" where weights and the usual tell it all."""
        low, high = self.value_range
        ranged = f"range={low:g}..{high:g}" if self.value_range != (-1.0, 1.0) else ""
        if not self.assumed:
            return ranged
        assumed = {name: self.parameters.get(name, getattr(self, name, None)) for name in self.assumed}
        digest = hashlib.sha256(json.dumps(assumed, sort_keys=True).encode()).hexdigest()
        return f"{ranged} assumed={digest[:12]}".lstrip()

    def to_toml(self) -> str:
        """Return the card as TOML."""
        values = asdict(self)
        values["value_range"] = list(self.value_range)
        if assumed := values.pop("assumed"):
            values["assumed"] = list(assumed)
        if output_range := values.pop("output_range"):
            values["output_range"] = list(output_range)
        if not self.package:
            del values["package"]
        tables = {name: values.pop(name) for name in ("parameters", "training", "metrics")}
        return tomli_w.dumps({**values, **tables})


def read_card(path: Path) -> Card:
    """Read a card.

    Raises:
        ModelError: If it is not a readable card.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} is not a readable model card: {error}") from error
    return parse_card(text, str(path))


def parse_card(text: str, what: str) -> Card:
    """Return the card that a text is.

    Args:
        text: TOML.
        what: Where it stands, for messages.

    Raises:
        ModelError: If it is none.
    """
    try:
        values = tomllib.loads(text)
        card = Card(
            **{field.name: _checked(field, values[field.name]) for field in fields(Card) if field.name in values}
        )
        value_range = _range("value_range", card.value_range)
        output_range = _range("output_range", card.output_range) if card.output_range else ()
        if not all(isinstance(name, str) for name in card.assumed):
            raise ValueError(f"assumed is {card.assumed!r}")
        if card.channel_order not in ("RGB", "BGR"):
            raise ValueError(f"channel_order is {card.channel_order!r}")
        return replace(card, value_range=value_range, output_range=output_range, assumed=tuple(card.assumed))
    except (ValueError, TypeError, RecursionError) as error:
        raise ModelError(f"{what} is not a readable model card: {error}") from error


def _checked(field: Field[Any], value: Any) -> Any:
    kind = get_origin(field.type) or field.type
    if type(value) is not (list if kind is tuple else kind):
        raise ValueError(f"{field.name} is {value!r}")
    return value


def _range(name: str, ends: tuple[float, ...]) -> tuple[float, float]:
    low, high = map(float, ends)
    if not -math.inf < low < high < math.inf:
        raise ValueError(f"{name} is {low:g} to {high:g}")
    return low, high
