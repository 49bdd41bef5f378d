"""The sum of a residual block by the kernel ``addition``."""

from typing import TYPE_CHECKING

from imgtrans.kernels.convolution import Before, Integers, addresses
from imgtrans.kernels.team import Task, Team

if TYPE_CHECKING:
    from imgtrans.kernels.library import Library

ADDED = 1 << 17  # values that a thread adds at once


def add(
    library: "Library", team: Team, before: Integers, after: Integers, into: Integers, terms: Before, width: int
) -> None:
    """Write rows that are the sum of some, and of others times ``scale`` plus ``shift``, and not below ``floor``.

    Args:
        library: The kernels.
        team: Who does the work.
        before: Addresses of the rows that are added as they are, (width, channels) each.
        after: Addresses of the others.
        into: Addresses of the sum's, which may be those of either.
        terms: Scale and shift of the others, and the floor of the sum.
        width: Of the rows.
    """

    def task(top: int) -> Task:
        def do(room: int) -> None:
            library.call("addition", *given, len(terms.scale), width, top, min(top + high, len(into)))

        return do

    given = addresses(before, after, into, terms.scale, terms.shift, terms.floor)
    high = max(1, ADDED // (width * len(terms.scale)))
    team.do(task(top) for top in range(0, len(into), high))
