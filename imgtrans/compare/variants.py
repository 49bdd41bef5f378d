"""What each model makes of pictures at each size: exactly what ``run`` would make, and how long it takes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from imgtrans.batch.asked import Request
from imgtrans.batch.plan import Decision, Tally
from imgtrans.batch.request import Prepared, prepare
from imgtrans.batch.run import run
from imgtrans.errors import FilesError, UsageError
from imgtrans.protocols import Executor, Outcome

MOST_PICTURES = 100
MOST_VARIANTS = 24


@dataclass(frozen=True)
class Variant:
    """A model at a size.

    Attributes:
        model: Its name.
        size: As ``--size`` takes it.
        longest: The longest side at which the network works, in pixels; None is each picture's own.
    """

    model: str
    size: str
    longest: int | None

    @property
    def said(self) -> str:
        """Model and size in words."""
        return f"{self.model}, {'native' if self.longest is None else f'{self.longest} px'}"


@dataclass(frozen=True)
class Made:
    """What a variant made of a picture.

    Attributes:
        picture: The picture.
        variant: Which.
        path: The translation; None if it failed.
        seconds: That the network took.
        error: Why it failed, one sentence.
    """

    picture: Path
    variant: Variant
    path: Path | None
    seconds: float = 0.0
    error: str = ""


def planned(
    asked: Request, models: Sequence[str], sizes: Sequence[str], folder: Path
) -> list[tuple[Variant, Prepared]]:
    """Understand what is to be compared; two sizes that come to the same are one.

    Args:
        asked: What is the same for all: pictures, device and so on.
        models: Names of models, or paths of checkpoints.
        sizes: As ``--size`` takes them.
        folder: Where translations go until they are shown.

    Raises:
        UsageError: If it makes no sense, or is more than can be looked at.
        ModelError: If there is no such model.
        FilesError: If a picture is missing.
    """
    found: dict[tuple[str, int | None], tuple[Variant, Prepared]] = {}
    for model in models:
        for size in sizes:
            request = replace(asked, model=model, size=size, output=folder / f"{len(found)}", limit=MOST_PICTURES)
            prepared = prepare(request)
            variant = Variant(prepared.model.name, size, prepared.size)
            found.setdefault((prepared.recipe.model, prepared.size), (variant, prepared))
    if len(found) > MOST_VARIANTS:
        raise UsageError(f"{len(found)} variants are more than can be looked at", f"compare {MOST_VARIANTS} at most")
    return list(found.values())


def made(variant: Variant, prepared: Prepared) -> Iterator[Made]:
    """Translate all pictures in one way.

    Raises:
        FilesError: If there is no picture, or two would make one translation.
    """
    collector = _Collector()
    report = run(prepared, collector)
    if report.collisions:
        raise report.collisions[0]
    for outcome in sorted(collector.outcomes, key=lambda one: one.item.key):
        path = None if outcome.error else outcome.item.output
        yield Made(outcome.item.input, variant, path, outcome.model_seconds, outcome.error)


@dataclass
class _Collector:
    """Keeps what became of each picture."""

    outcomes: list[Outcome] = field(default_factory=list)

    def looking(self, tally: Tally) -> None:
        """There is nothing to tell."""

    def planned(self, tally: Tally, prepared: Prepared, executor: Executor | None) -> None:
        """There must be something to look at."""
        if executor is None:
            raise FilesError("there is no picture to compare", "name pictures, or a folder of them")

    def counted(self, files: int) -> None:
        """There is nothing to tell."""

    def ignored(self, decision: Decision) -> None:
        """There is nothing to tell."""

    def finished(self, outcome: Outcome, status: str) -> None:
        """Keep what became of a picture."""
        self.outcomes.append(outcome)

    def streaming(self, share: float) -> None:
        """There is nothing to tell."""

    def warned(self, text: str) -> None:
        """There is nothing to tell."""
