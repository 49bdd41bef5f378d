"""What a checkpoint makes of photographs under each assumption that may be true of it, the most natural first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from imgtrans.card import Card
from imgtrans.errors import FilesError, UsageError
from imgtrans.files import written_atomically
from imgtrans.images.resample import pad
from imgtrans.protocols import Parameters, Pixels
from imgtrans.zoo import contactsheet
from imgtrans.zoo.adapting import adapted
from imgtrans.zoo.architecture import architecture_called
from imgtrans.zoo.loading import respelled
from imgtrans.zoo.naturalness import Floats, Naturalness, mean, naturalness
from imgtrans.zoo.photographs import photographs
from imgtrans.zoo.recognising import Recognised

HEIGHT = 160  # pixels of the photographs
_PAIRED = 4  # of the others, the best are tried together with the very best
# What a change has to be better by, and how much more the less likely it is: most files are what is assumed of them.
_UNUSUAL = 0.06
_UNLIKELY = 0.01

_NOTHING: Parameters = {}

# What may be true of the pictures of any network.
_OF_PICTURES: tuple[Parameters, ...] = ({"value_range": [0.0, 1.0]}, {"channel_order": "BGR"})


@dataclass(frozen=True)
class Candidate:
    """One reading of a checkpoint.

    Attributes:
        assume: What is assumed otherwise than by default, as ``--assume`` takes it.
        naturalness: Of what it makes, over all photographs.
        pictures: What it makes of each photograph.
        unlikeliness: What it has to be better by than what is assumed by default.
    """

    assume: dict[str, str]
    naturalness: Naturalness
    pictures: Sequence[Pixels]
    unlikeliness: float = 0.0

    @property
    def score(self) -> float:
        """What they are ranked by."""
        return self.naturalness.score - self.unlikeliness

    @property
    def said(self) -> str:
        """The options that give it."""
        return " ".join(f"--assume {key}={value}" for key, value in self.assume.items()) or "nothing, as by default"


def audition(found: Recognised) -> list[Candidate]:
    """Try a recognised checkpoint under every assumption that is likely, and the best of these in pairs.

    Args:
        found: What it was recognised as; its assumptions are the default.

    Returns:
        The candidates, the most natural first.

    Raises:
        ModelError: If it is for pictures that are neither RGB nor gray.
    """
    photos = photographs(HEIGHT)
    readings = [(_NOTHING, 0.0), *((one, _UNUSUAL + _UNLIKELY * rank) for rank, one in enumerate(_singles(found)))]
    tried = [(changes, _heard(found, changes, unlikely, photos)) for changes, unlikely in readings]
    tried += [(changes, _heard(found, changes, unlikely, photos)) for changes, unlikely in _pairs(tried)]
    return sorted((candidate for _, candidate in tried), key=_rank)


def write_sheet(candidates: list[Candidate], path: Path) -> None:
    """Write a contact sheet: the photographs on top, below them a row for each candidate.

    Raises:
        FilesError: If it is there already, or cannot be written.
    """
    rows: list[tuple[str, Sequence[Pixels]]] = [("the photographs", photographs(HEIGHT))]
    for rank, one in enumerate(candidates, 1):
        told = "; ".join(one.naturalness.doubts())
        rows.append((f"{rank}.  {one.said}    ({one.score:.2f}{f': {told}' if told else ''})", one.pictures))
    try:
        with written_atomically(path) as temporary:
            contactsheet.drawn(rows).save(temporary, "PNG")
    except OSError as error:
        raise FilesError(f"the sheet cannot be written to {path}: {error.strerror}") from error


def check_sheet(path: Path) -> None:
    """Make sure that a sheet can be called so.

    Raises:
        UsageError: If it is no PNG.
        FilesError: If it is there already, or has no folder.
    """
    if path.suffix.lower() != ".png":
        raise UsageError(f"--audition is {str(path)!r}, which is no .png", "as in --audition sheet.png")
    if path.exists():
        raise FilesError(f"{path} is there already", "name another sheet")
    if not path.parent.is_dir():
        raise FilesError(f"there is no folder {path.parent}", "make it, or name another sheet")


def in_words(changes: Parameters) -> dict[str, str]:
    """Return assumptions as ``--assume`` takes them."""
    return {key: _in_words(value) for key, value in changes.items()}


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(f"{part:g}" if isinstance(part, float) else str(part) for part in value) or "none"
    return str(value)


def _singles(found: Recognised) -> Iterator[Parameters]:
    """Yield what the architecture holds possible, and what may be true of any network's pictures."""
    recognition = found.recognition
    own = [dict(one) for one in recognition.alternatives]
    yield from own
    for one in _OF_PICTURES:
        if one not in own and all(recognition.assumed.get(key, value) != value for key, value in one.items()):
            yield one


def _rank(candidate: Candidate) -> float:
    return -candidate.score


def _pairs(tried: list[tuple[Parameters, Candidate]]) -> list[tuple[Parameters, float]]:
    """Return the best change of those tried together with the next best, and how unlikely that is."""
    (best, first), *ranked = sorted(tried, key=lambda one: _rank(one[1]))
    return [
        ({**best, **other}, first.unlikeliness + candidate.unlikeliness)
        for other, candidate in ranked
        if best and other and not best.keys() & other.keys()
    ][:_PAIRED]


def _heard(found: Recognised, changes: Parameters, unlikeliness: float, photos: list[Pixels]) -> Candidate:
    changed = found.taking(changes)
    made = [translated(changed, photo) for photo in photos]
    figures = [naturalness(as_floats(photo), one) for photo, one in zip(photos, made, strict=True)]
    pictures = [(one.clip(0, 1) * 255).round().astype(np.uint8) for one in made]
    return Candidate(in_words(changes), mean(figures), pictures, unlikeliness)


def as_floats(photo: Pixels) -> Floats:
    """Return a photograph with a range from 0 to 1."""
    return photo.astype(np.float32) / np.float32(255)


def translated(found: Recognised, photo: Pixels) -> Floats:
    """Return what a recognised checkpoint makes of a photograph, (H, W, 3), where the range is from 0 to 1."""
    architecture = architecture_called(found.architecture)
    parameters = found.parameters
    card = Card(
        "audition",
        "",
        "",
        found.architecture,
        parameters,
        "",
        value_range=found.value_range,
        output_range=found.output_range,
        channel_order=found.channel_order,
    )
    weights = respelled(found.weights, found.recognition.keys)
    with torch.device("meta"):
        network = architecture.build(parameters)
    network.load_state_dict({name: tensor.float() for name, tensor in weights.items()}, strict=True, assign=True)
    height, width, _ = photo.shape
    padded = pad(photo, architecture.multiple(parameters), architecture.smallest(parameters))
    x = torch.from_numpy(np.ascontiguousarray(padded)).permute(2, 0, 1)[None].float() / 127.5 - 1
    with torch.inference_mode():
        y = adapted(network.eval(), card)(x)[0].permute(1, 2, 0).float().numpy()
    made: Floats = np.nan_to_num((y[:height, :width] + 1) / 2, nan=2.0, posinf=2.0, neginf=-2.0)
    return made
