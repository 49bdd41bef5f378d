"""What the outputs of generators tell of a training's trouble: what they make of a few pictures, the same each time."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from imgtrans.training.guards.trouble import Trouble

YOUNG = 50  # steps before which generators are not judged: they begin with anything

_AT_THE_END = 0.99  # of a range from -1 to 1
_MOST_SATURATED, _MORE_SATURATED = 0.5, 0.3  # of an output's values; and more than of the pictures it is to be like
_INVERTED = -0.5  # correlation of input and output
_ALIKE = 0.15  # of the inputs' variety, or of the target's where that has less
_LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601


@dataclass(frozen=True)
class Look:
    """What one generator makes of a few pictures, in figures.

    Attributes:
        saturated: Share of the outputs' values at an end of their range.
        saturated_target: The same of pictures that outputs are to be like.
        likeness: Correlation of the luminance of each output with its input's, the mean over the pictures; -1 to 1.
        variety: How much outputs differ from one another, as a fraction of how much inputs do, or targets where these
            differ less.
    """

    saturated: float
    saturated_target: float
    likeness: float
    variety: float

    def signs(self) -> set[str]:
        """Return the kinds of trouble that it shows."""
        signs = set()
        if self.saturated > _MOST_SATURATED and self.saturated - self.saturated_target > _MORE_SATURATED:
            signs.add("saturated")
        if self.likeness < _INVERTED:
            signs.add("inverted")
        if self.variety < _ALIKE:
            signs.add("collapsed")
        return signs

    def said(self, sign: str) -> str:
        """Return one of its signs in words."""
        return {
            "saturated": f"makes {self.saturated:.0%} of its values black or white, where real pictures have "
            f"{self.saturated_target:.0%}",
            "inverted": f"turns light into dark and dark into light (correlation {self.likeness:.2f})",
            "collapsed": f"makes nearly the same of whatever it gets ({self.variety:.0%} of the variety)",
        }[sign]


def look_at(real: Tensor, fake: Tensor, target: Tensor) -> Look:
    """Return what a generator makes in figures.

    Args:
        real: Its inputs, (N, 3, H, W) in [-1, 1], at least two.
        fake: What it made of them, likewise, finite.
        target: Pictures that these are to be like, likewise.
    """
    real, fake, target = (pictures.detach().float().cpu() for pictures in (real, fake, target))
    least = min(_variety(real), _variety(target))
    return Look(
        saturated=_saturated(fake),
        saturated_target=_saturated(target),
        likeness=_correlation(_luminance(real), _luminance(fake)),
        variety=_variety(fake) / least if least > 0 else 1.0,
    )


class OutputGuard:
    """Watches looks at both generators; what two of them on end show is trouble, as one alone may be a passing mood."""

    def __init__(self) -> None:
        self._before: set[tuple[str, str]] = set()
        self._standing: dict[tuple[str, str], Trouble] = {}

    @property
    def standing(self) -> list[Trouble]:
        """What has been found and is not over."""
        return list(self._standing.values())

    @property
    def is_clean(self) -> bool:
        """Whether the last look shows nothing."""
        return not self._before

    def hear(self, step: int, looks: Mapping[str, Look]) -> list[Trouble]:
        """Take in a look at each generator, by its name; return what is found now and was not before."""
        if step < YOUNG:
            return []
        now = {(name, sign) for name, look in looks.items() for sign in look.signs()}
        self._standing = {key: trouble for key, trouble in self._standing.items() if key in now}
        found = []
        for name, sign in sorted(now & self._before - self._standing.keys()):
            trouble = Trouble(sign, step, f"at step {step} the generator {name} {looks[name].said(sign)}")
            self._standing[name, sign] = trouble
            found.append(trouble)
        self._before = now
        return found


def _saturated(pictures: Tensor) -> float:
    return float((pictures.abs() > _AT_THE_END).float().mean())


def _variety(pictures: Tensor) -> float:
    return float(pictures.std(0).mean())


def _luminance(pictures: Tensor) -> Tensor:
    return (pictures * torch.tensor(_LUMINANCE).view(1, 3, 1, 1)).sum(1).flatten(1)


def _correlation(one: Tensor, other: Tensor) -> float:
    """Return the mean over rows of their correlation; a row without any variation has none."""
    one, other = (rows - rows.mean(1, keepdim=True) for rows in (one, other))
    return float(torch.cosine_similarity(one, other, dim=1, eps=1e-6).mean())
