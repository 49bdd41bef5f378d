"""What looks at pictures for a score: one Protocol, and the extractors that there are, by name."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from imgtrans.errors import UsageError

Floats = NDArray[np.float32]


class Extractor(Protocol):
    """Makes of pictures the numbers that they are compared by.

    Attributes:
        name: What scores are said to be seen by, with the version where there are several.
        side: Of the squares that it looks at, in pixels.
    """

    name: str
    side: int

    def features(self, squares: Floats) -> Floats:
        """Return features (N, D) of pictures (N, side, side, 3) with values from 0 to 255."""


@runtime_checkable
class LooksAtPlaces(Protocol):
    """What also tells what is where, so that it can be seen whether a picture's structure was kept.

    Attributes:
        name: As an extractor's.
        side: As an extractor's.
    """

    name: str
    side: int

    def places(self, squares: Floats) -> Floats:
        """Return features (N, P, D) of the places of a grid over pictures (N, side, side, 3)."""


@runtime_checkable
class KnowsDomains(Protocol):
    """An extractor that has learnt to tell two domains apart.

    Attributes:
        accuracy: Of what it says of pictures that it has not learnt from, from 0 to 1.
    """

    accuracy: float

    def in_B(self, features: Floats) -> NDArray[np.bool_]:
        """Return (N,) whether pictures with these features are taken for domain B's."""


@dataclass(frozen=True)
class Means:
    """What extractors are made with; each takes what it needs.

    Attributes:
        files_A: Pictures of domain A to learn from, none of those that are scored.
        files_B: The same of domain B.
        weights: A file of weights that the user has; None to have them fetched.
        device: ``auto``, ``cpu`` or ``cuda[:n]``.
        seed: Of what is drawn at random.
        say: Told what takes a while.
    """

    files_A: tuple[Path, ...] = ()
    files_B: tuple[Path, ...] = ()
    weights: Path | None = None
    device: str = "auto"
    seed: int = 0
    say: Callable[[str], None] = lambda text: None


STATISTICS = "statistics"
CLASSIFIERS = ("classifier", "classifier-luminance")
WITH_WEIGHTS = ("inception", "dino")
_MADE_BY = {
    STATISTICS: "imgtrans.quality.statistics:make",
    CLASSIFIERS[0]: "imgtrans.quality.classifier:make_colour",
    CLASSIFIERS[1]: "imgtrans.quality.classifier:make_luminance",
    WITH_WEIGHTS[0]: "imgtrans.quality.inception:make",
    WITH_WEIGHTS[1]: "imgtrans.quality.dino:make",
}
EXTRACTORS = tuple(_MADE_BY)


def check_names(names: tuple[str, ...], means: Means) -> None:
    """Make sure that extractors can be made, without making them.

    Raises:
        UsageError: If there is none of a name, or one lacks what it needs.
    """
    for name in names:
        if name not in _MADE_BY:
            raise UsageError(f"there is no extractor {name!r}", f"there are {', '.join(EXTRACTORS)}")
    lacking = [name for name in names if name in CLASSIFIERS]
    if lacking and not (means.files_A and means.files_B):
        raise UsageError(
            f"--extractor {lacking[0]} learns from pictures of both kinds, and there are none to learn from",
            "give the data set that the model was trained on: --data DATA",
        )
    takers = [name for name in names if name in WITH_WEIGHTS]
    if means.weights is not None and len(takers) != 1:
        raise UsageError(
            f"{means.weights} holds the weights of one extractor, and it is not clear of which",
            f"add --extractor {' or --extractor '.join(WITH_WEIGHTS)}",
        )


def make_extractor(name: str, means: Means) -> Extractor:
    """Return the extractor of a name, ready to look; it may learn or fetch weights first.

    Raises:
        UnavailableError: If a library that it needs is not installed, or its weights cannot be fetched.
        ModelError: If a file of weights is not one of this extractor's.
    """
    module, _, function = _MADE_BY[name].partition(":")
    made: Any = getattr(import_module(module), function)(means)
    extractor: Extractor = made
    return extractor
