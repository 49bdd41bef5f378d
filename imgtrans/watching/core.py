"""Watching one folder until the end comes: what is lost is waited for, and gone on with."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

from imgtrans.batch.folders import opened_journal
from imgtrans.batch.request import Prepared
from imgtrans.batch.run import Translating
from imgtrans.errors import FilesError
from imgtrans.finding.outputs import KnownOutputs
from imgtrans.watching.desk import Desk
from imgtrans.watching.finder import Finder
from imgtrans.watching.ground import AwayError, Ground
from imgtrans.watching.ledger import Ledger
from imgtrans.watching.results import Results
from imgtrans.watching.search import Search
from imgtrans.watching.seeing.changes import Changes
from imgtrans.watching.seeing.settling import Settling
from imgtrans.watching.tending import Tending

_FIRST_WAIT, _LONGEST_WAIT = 1.0, 30.0  # seconds between tries to go on after something was lost


def watch_folder(
    prepared: Prepared,
    tending: Tending,
    engine: Translating,
    stop: threading.Event,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Translate what is in a folder and what arrives there, until ``stop`` is set.

    Pictures being worked on when it is set are finished; the others wait for the next time. Folders that go away and
    disks that are full are waited for.

    Args:
        prepared: What is asked for.
        tending: Is told what happens.
        engine: Translates.
        stop: Ends it.
        clock: Returns a monotonic time in seconds.

    Raises:
        FilesError: If it cannot begin: the output folder is in use or cannot be written.
    """
    (inbox,) = prepared.request.inputs
    ledger, ground = Ledger(), Ground(inbox, prepared.destination.folder)
    begun = threading.Event()
    wait = _FIRST_WAIT
    while not stop.is_set():
        why = ground.missing() if begun.is_set() else ""
        if not why:
            went_on = time.monotonic()
            try:
                _watch(prepared, tending, engine, stop, clock, ledger, ground, begun)
                return
            except (AwayError, FilesError) as error:
                if not begun.is_set():
                    raise
                why = str(error)
            ledger.let_go()
            tending.retries.let_go(clock())
            if time.monotonic() - went_on > wait:
                wait = _FIRST_WAIT
        tending.waits(why)
        stop.wait(wait)
        wait = min(2 * wait, _LONGEST_WAIT)


def _watch(
    prepared: Prepared,
    tending: Tending,
    engine: Translating,
    stop: threading.Event,
    clock: Callable[[], float],
    ledger: Ledger,
    ground: Ground,
    begun: threading.Event,
) -> None:
    """Watch until something is lost, or the end comes.

    Two threads are at work: one finds pictures and hands them on, this one takes what becomes of them.
    """
    anew = begun.is_set()
    with opened_journal(prepared.destination) as journal, _own_outputs(prepared) as outputs:
        if not anew:
            prepared.check_model(journal)
        where = engine.describe()
        if stop.is_set():
            return
        desk = Desk(prepared, tending, journal, ledger, Settling(tending.conduct.settle), ground, clock)
        ground.settle()
        finder, results = Finder(prepared, journal, ledger, outputs), Results(desk)
        results.write_again(finder)
        prepared.begin(journal)
        changes = Changes(desk.inbox, tending.conduct.polling, tending.say)
        try:
            if anew:
                tending.goes_on()
            else:
                tending.ready(where)
            begun.set()
            search = Search(desk, changes, finder, results)
            with contextlib.closing(engine.run(search.items(stop))) as groups, contextlib.closing(search):
                for outcomes in groups:
                    results.finish(outcomes)
                    changes.wake()
        finally:
            changes.end()


@contextlib.contextmanager
def _own_outputs(prepared: Prepared) -> Iterator[KnownOutputs | None]:
    """Give what knows imgtrans's own outputs; None if these are wanted, too."""
    if prepared.selection.include_outputs:
        yield None
        return
    with KnownOutputs() as known:
        yield known
