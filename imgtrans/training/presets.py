"""Settings of a training under one name each, for a purpose; what they cost is measured where it is asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imgtrans.config import suggestion
from imgtrans.errors import UsageError


@dataclass(frozen=True)
class Preset:
    """Settings for a purpose.

    Attributes:
        settings: Those that differ from the defaults, as fields of ``TrainOptions``.
        gives: What one gets.
    """

    settings: Mapping[str, Any]
    gives: str


PRESETS: dict[str, Preset] = {
    "paper": Preset({}, "the paper to the letter: the best shapes and textures, days without a GPU"),
    "small": Preset(
        {"ngf": 32, "crop": 128, "steps": 2000},
        "a first model of colour, light and texture, a quarter of the work with every picture ever after",
    ),
    "fast": Preset(
        {"ngf": 16, "blocks": 6, "crop": 64, "steps": 1000, "grid_every": 100},
        "a glance at what two folders teach, before anything that takes long; no model to keep",
    ),
    "photo": Preset(
        {"ngf": 32, "scale_jitter": 2.0, "ema_decay": 0.999, "spike_weight": 50.0},
        "a model for large photographs: pieces of them at twice the detail, a steady tint, no blots; for a GPU",
    ),
}


def preset(name: str) -> Preset:
    """Return the preset of a name.

    Raises:
        UsageError: If there is none.
    """
    if name not in PRESETS:
        raise UsageError(f"there is no preset {name!r}", suggestion(name, PRESETS.keys()))
    return PRESETS[name]


def combined(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings of which a later layer's win; steps there replace epochs before, and the other way round."""
    together: dict[str, Any] = {}
    for layer in layers:
        if layer.get("steps"):
            together.pop("epochs", None)
            together.pop("decay_epochs", None)
        elif layer.keys() & {"epochs", "decay_epochs"}:
            together.pop("steps", None)
        together |= layer
    return together
