"""All scores of fakes against real pictures, as one extractor sees them, the most telling first."""

from collections.abc import Iterator
from dataclasses import dataclass

from imgtrans.quality.coverage import precision_and_recall
from imgtrans.quality.extractor import Extractor, Floats, KnowsDomains
from imgtrans.quality.fid import fid
from imgtrans.quality.kid import kid

FEWEST = 10  # of pictures that scores are made of
FEW = 100  # of which they begin to mean something
_TELLS_APART = 0.65


@dataclass(frozen=True)
class Score:
    """One number.

    Attributes:
        name: Which: ``kid``, ``fid``, ``precision``, ``recall``, ``taken_for_real``, ``structure`` or ``cycle``.
        value: The number.
        extractor: What it was seen by; "" for what needs nobody to see it.
        low: Where the interval begins in which it is with a probability of 95 %; None where there is no interval.
        high: Where that ends.
    """

    name: str
    value: float
    extractor: str
    low: float | None = None
    high: float | None = None


def scores(extractor: Extractor, fake: Floats, real: Floats, seed: int) -> Iterator[Score]:
    """Yield the scores of fakes.

    Args:
        extractor: Whose features these are.
        fake: Features (N, D) of the fakes, N at least ``FEWEST``.
        real: Features (M, D) of the real pictures, likewise.
        seed: Of the interval.
    """
    distance = kid(fake, real, seed)
    yield Score("kid", distance.value, extractor.name, distance.low, distance.high)
    yield Score("fid", fid(fake, real), extractor.name)
    precision, recall = precision_and_recall(fake, real)
    yield Score("precision", precision, extractor.name)
    yield Score("recall", recall, extractor.name)
    if isinstance(extractor, KnowsDomains):
        in_B = extractor.in_B(real).mean() > 0.5  # the domain of the real pictures
        yield Score("taken_for_real", float((extractor.in_B(fake) == in_B).mean()), extractor.name)


def doubts_of(extractor: Extractor, pictures: tuple[int, int]) -> Iterator[str]:
    """Yield what an extractor's scores are not to be trusted for, a sentence each.

    Args:
        extractor: Whose scores.
        pictures: How many fakes and how many real ones it saw.
    """
    if min(pictures) < FEW:
        yield (
            f"{min(pictures)} pictures of a kind are few: the interval of the KID says how little they tell, and FID, "
            "precision and recall have none to say it"
        )
    if isinstance(extractor, KnowsDomains) and extractor.accuracy < _TELLS_APART:
        yield (
            f"{extractor.name} tells pictures of both kinds apart with {extractor.accuracy:.0%} only (guessing has "
            "50%): what it says of fakes is worth as little"
        )
