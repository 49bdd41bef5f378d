"""What a watched folder is worked with, without a daemon and without an engine."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from imgtrans.batch.asked import Request
from imgtrans.batch.request import prepare
from imgtrans.console import Console
from imgtrans.journal.writing import Journal
from imgtrans.watching.conduct import Conduct
from imgtrans.watching.desk import Desk
from imgtrans.watching.ground import Ground
from imgtrans.watching.inbox import Inbox
from imgtrans.watching.ledger import Ledger
from imgtrans.watching.seeing.settling import Settling
from imgtrans.watching.service.standing import Standing
from imgtrans.watching.tending import Tending


@contextlib.contextmanager
def opened_desk(place: Path, settle: float = 2.0, clock: Callable[[], float] = time.monotonic) -> Iterator[Desk]:
    """Give the desk of ``inbox`` and ``out``, which are made if they are not there; the model is ``tiny``."""
    inbox, out = place / "inbox", place / "out"
    inbox.mkdir(exist_ok=True)
    out.mkdir(exist_ok=True)
    request = Request([inbox], "tiny", out)
    prepared = prepare(request)
    standing = Standing(str(inbox), str(out), "tiny")
    tending = Tending(Inbox(inbox, request, Conduct(settle=settle)), prepared, Console(-1, False), None, standing)
    with Journal(out) as journal:
        yield Desk(prepared, tending, journal, Ledger(), Settling(settle), Ground(inbox, out), clock)
