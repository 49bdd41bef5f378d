"""A checkpoint from elsewhere into the zoo: recognised, tried on a picture, installed with a card."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import torch

from imgtrans import checkpoint
from imgtrans.card import Card
from imgtrans.errors import ModelError
from imgtrans.registry import package_of
from imgtrans.zoo.adapting import channels_of, check_channels
from imgtrans.zoo.architecture import GROUP, architecture_of
from imgtrans.zoo.audition import HEIGHT, as_floats, translated
from imgtrans.zoo.loading import load_network, respelled
from imgtrans.zoo.naturalness import naturalness
from imgtrans.zoo.photographs import meadow
from imgtrans.zoo.recognising import Recognised, recognise
from imgtrans.zoo.store import Model, check_free, install

_TRIAL_SIDE = 128


@dataclass(frozen=True)
class Imported:
    """A model that came into the zoo.

    Attributes:
        model: The model.
        recognised: What its file was recognised as.
        zeros: The kernels that are nothing but zeros, by their keys in the network.
        lowest: The least value in what it made of a trial picture, in its own range.
        highest: The largest.
        doubts: What speaks against what was assumed, judged by what it makes of a photograph.
    """

    model: Model
    recognised: Recognised
    zeros: tuple[str, ...]
    lowest: float
    highest: float
    doubts: tuple[str, ...] = ()


def import_checkpoint(
    path: Path,
    name: str,
    *,
    network: str = "",
    assume: Mapping[str, str] | None = None,
    source: str = "",
    target: str = "",
    licence: str = "",
    working_size: int = 0,
    origin: str = "",
) -> Imported:
    """Recognise a checkpoint, try it, and put it into the zoo as ``name``.

    Args:
        path: The checkpoint.
        name: What to call it.
        network: Which of its networks, where it has several.
        assume: What to assume, in place of the dialect's defaults, of what names and shapes cannot tell.
        source: What it turns, for its card, as are the following.
        target: What it turns that into.
        licence: Of the weights.
        working_size: Longest side at which it does best, in pixels; 0 for any.
        origin: Where it came from; the file's name by default.

    Raises:
        ModelError: If it cannot be read or recognised, is for pictures that are neither RGB nor gray, or makes none.
        UsageError: If an assumption cannot be made.
        FilesError: If the name is taken.
    """
    check_free(name)
    found = recognise(path, network).assuming(assume or {})
    check_channels(path, found.parameters)
    dialect = f", in the layout of {found.recognition.dialect}" if found.recognition.dialect else ""
    says = found.label.card if found.label else Card("", "", "", "", {}, "")
    card = replace(
        says,
        name=name,
        source=source or says.source,
        target=target or says.target,
        architecture=found.architecture,
        package=package_of(GROUP, found.architecture),
        parameters=found.parameters,
        sha256="",
        assumed=says.assumed if found.label else tuple(found.recognition.assumed),
        value_range=found.value_range,
        output_range=found.output_range,
        channel_order=found.channel_order,
        licence=licence or says.licence,
        working_size=working_size or says.working_size,
        provenance="; ".join(filter(None, [f"imported from {origin or path.name}{dialect}", says.provenance])),
        date=datetime.now(UTC).date().isoformat(),
    )
    weights = respelled(found.weights, found.recognition.keys)
    zeros = tuple(name for name, tensor in weights.items() if tensor.dim() > 1 and not tensor.any())
    trial: list[tuple[float, float]] = []

    def write(file: Path) -> None:
        checkpoint.write_weights(weights, file)
        trial.append(_tried(path, Model(card, file)))  # where it will be, so that it needs no room elsewhere

    model = install(card, write)
    lowest, highest = trial[0]
    photograph = meadow(HEIGHT)
    figures = naturalness(as_floats(photograph), translated(found, photograph))
    return Imported(model, found, zeros, lowest, highest, tuple(figures.doubts()))


def _tried(path: Path, model: Model) -> tuple[float, float]:
    """Translate a trial picture; return the range of what comes out.

    Raises:
        ModelError: If it is no picture.
    """
    low, high = model.card.value_range
    channels_in, channels_out = channels_of(model.card)
    architecture = architecture_of(model.card)
    least = architecture.smallest(model.card.parameters)
    side = -(-_TRIAL_SIDE // least) * least
    ramp = torch.linspace(low, high, side)
    picture = torch.stack([ramp.expand(side, -1), ramp.unsqueeze(1).expand(-1, side)]).mean(0)
    try:
        with torch.inference_mode():
            made = load_network(model)(picture.expand(1, channels_in, -1, -1).contiguous())
    except RuntimeError as error:
        raise ModelError(f"the network of {path} does not work on a picture: {str(error).splitlines()[0]}") from error
    if made.shape != (1, channels_out, side, side):
        raise ModelError(f"the network of {path} makes something else than a picture of a picture")
    if not torch.isfinite(made).all():
        raise ModelError(f"the network of {path} makes numbers that are not finite; the training that made it failed")
    return float(made.min()), float(made.max())
