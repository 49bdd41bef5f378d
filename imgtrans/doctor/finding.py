"""One thing that was looked at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

GOOD, NOTE, WRONG = "ok", "note", "wrong"


@dataclass(frozen=True)
class Finding:
    """What was found.

    Attributes:
        state: ``ok``, ``note`` (it works, and could be better) or ``wrong``.
        said: What there is, a sentence or a name with its version.
        hint: What to do about it; "" if there is nothing to do.
    """

    state: str
    said: str
    hint: str = ""


Check: TypeAlias = Callable[[], Iterator[Finding]]
