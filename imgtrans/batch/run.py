"""One run over files and folders: plan, execute, report."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from imgtrans.batch.commit import Stand, commit
from imgtrans.batch.lookahead import Lookahead, ReadyFolders
from imgtrans.batch.opening import LOCAL
from imgtrans.batch.plan import Decision, Recipe, Tally
from imgtrans.batch.report import Listener, Report
from imgtrans.batch.request import Prepared
from imgtrans.batch.site import site_of
from imgtrans.finding.counting import Counting
from imgtrans.hardware import wake
from imgtrans.journal.writing import Journal
from imgtrans.protocols import Item, Outcome
from imgtrans.storage.address import addressed

PLANNING_SECONDS = 1.0  # what is found by then, once the model is loaded, is known before anything is said or done
AT_ONCE = 8  # worker processes that are started ahead, at most: as many as there are beside a CPU
REFUSED_AT_ONCE = 100  # are noted together, as each note waits for the disk


def run(prepared: Prepared, listener: Listener, report: Report | None = None) -> Report:
    """Translate everything that is asked for and not done yet.

    What is to do is found while it is done: the first outputs are there long before the last input has been met.

    Args:
        prepared: What is asked for.
        listener: Is told how it goes.
        report: What is counted in; whoever gave it has it even if the run is interrupted.

    Raises:
        FilesError: If the output folder is in use or cannot be written, or two inputs would make one output.
        ModelError: If the model cannot be loaded.
        UnavailableError: If the device is not there.
    """
    started = time.monotonic()
    site = site_of(prepared)
    report = report or Report()
    tally = Tally()
    turn = threading.Lock()  # the lookahead tells what it skips, this thread what is translated
    try:
        with site, site.journal() as journal:
            refused: list[Decision] = []

            def tell(decision: Decision) -> None:
                with turn:
                    report.known(decision, listener)
                    if decision.state == "refused":
                        refused.append(decision)
                    if len(refused) >= REFUSED_AT_ONCE:
                        record_refused(refused, prepared.recipe, journal, site.policy.stand)

            def counted(files: int) -> None:
                with turn:
                    listener.counted(files // prepared.shard.count)

            prepared.check_model(journal)
            prepared.begin(journal)
            ready = ReadyFolders(prepared.policy.named, prepared.temporaries_tag)
            with Lookahead(prepared.decisions(journal, tally, site.policy), tell, ready) as lookahead:
                if not lookahead.finds_anything(lambda: listener.looking(tally)):
                    if not tally.met and tally.aside.collisions:
                        raise tally.aside.collisions[0]
                    listener.planned(tally, prepared, None)
                else:
                    from imgtrans.executors.reserve import Reserve  # noqa: PLC0415 - nor NumPy, with nothing to do

                    here = prepared.request.executor == LOCAL
                    processes = min(AT_ONCE, os.cpu_count() or 1) if here else 0
                    if here:  # both while PyTorch is loaded, which takes one core and seconds
                        threading.Thread(target=wake, args=(prepared.request.device,), name="waking").start()
                    with (
                        Reserve(processes, lambda: lookahead.found) as reserve,
                        prepared.open_executor(listener.streaming, listener.warned, reserve=reserve) as executor,
                        Counting(prepared.counts(), counted) as counting,
                    ):
                        reserve.enough()
                        lookahead.wait(PLANNING_SECONDS)
                        lookahead.check()  # nothing is done yet
                        with turn:
                            listener.planned(tally, prepared, executor)
                        items = site.items(lookahead, tell)
                        for number, outcome in enumerate(execute(items, executor, site.finish, journal, tally)):
                            if not number and not tally.complete:
                                counting.start()  # not before, so as not to delay the first
                            with turn:
                                report.tried(outcome, listener)
                lookahead.check()
            record_refused(refused, prepared.recipe, journal, site.policy.stand)
            journal.expect(tally.todo + tally.refused, tally.complete)
            _forget_what_left(prepared, journal)
    finally:
        report.ignored, report.outputs = tally.ignored, tally.outputs
        report.collisions = tally.aside.collisions
        report.seconds = time.monotonic() - started
    return report


class Translating(Protocol):
    """What translates items: an executor, or whatever shares one."""

    def run(self, items: Iterable[Item]) -> Generator[list[Outcome]]:
        """Translate items; see :class:`imgtrans.protocols.Executor`."""
        ...

    def describe(self) -> str:
        """Return where and how it computes."""
        ...


def execute(
    items: Iterable[Item],
    executor: Translating,
    finish: Callable[[Sequence[Outcome], Journal], list[Outcome]],
    journal: Journal,
    tally: Tally,
) -> Iterator[Outcome]:
    """Translate items, whose output folders are there, and put their outputs in place; yield what became of each."""
    with contextlib.closing(executor.run(items)) as groups:
        for outcomes in groups:
            journal.expect(tally.todo + tally.refused, tally.complete)
            yield from finish(outcomes, journal)


def record_refused(refused: list[Decision], recipe: Recipe, journal: Journal, stand: Stand = Path.lstat) -> None:
    """Have the journal know what will not even be tried, and why; empties the list."""
    commit([Outcome(decision.item, None, decision.problem) for decision in refused], recipe, journal, stand)
    refused.clear()


def _forget_what_left(prepared: Prepared, journal: Journal) -> None:
    """Take failures out of the journal whose inputs are no longer among those of the run."""
    if not prepared.selection.complete:
        return
    roots = [path.absolute() for path in prepared.request.inputs]
    journal.forget_failures(
        [
            entry.output
            for entry in journal.failed_before()
            if any(addressed(os.fsdecode(entry.input)).is_relative_to(root) for root in roots)
        ]
    )
