"""A folder that is watched, with what is asked of it, in plain values."""

import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imgtrans.batch.asked import Request
from imgtrans.errors import UsageError
from imgtrans.watching.conduct import Conduct


@dataclass(frozen=True)
class Inbox:
    """A folder to watch.

    Attributes:
        folder: It.
        request: What is asked of its pictures; its only input is the folder.
        conduct: How it is looked after.
        name: What the configuration calls it; "" if it was named on the command line.
    """

    folder: Path
    request: Request
    conduct: Conduct
    name: str = ""


def check_apart(inboxes: Sequence[Inbox]) -> None:
    """Make sure that no file is in two inboxes.

    Raises:
        UsageError: If one is in another.
    """
    for first, second in itertools.permutations(inboxes, 2):
        inner, outer = os.path.realpath(first.folder), os.path.realpath(second.folder)
        if Path(inner).is_relative_to(outer):
            raise UsageError(
                f"[watch.{first.name}] watches {first.folder}, which [watch.{second.name}] does, too",
                "name folders of which none is in another",
            )
