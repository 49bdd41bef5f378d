"""Finds pictures in a watched folder as they settle, at the cost of what has changed."""

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from imgtrans.journal.entry import Entry
from imgtrans.protocols import Item
from imgtrans.watching.desk import Desk
from imgtrans.watching.finder import Finder
from imgtrans.watching.ledger import ASIDE, BUSY, DONE, FAILED, REFUSED, Fact
from imgtrans.watching.results import Results
from imgtrans.watching.seeing.changes import Changes
from imgtrans.watching.seeing.looking import Looker, Seen, between_looks
from imgtrans.watching.seeing.version import Version
from imgtrans.watching.settled import Settled
from imgtrans.watching.sweep import Sweep

POLL_SECONDS = 1.0  # between looks where there are no events, and more where a look takes long
_POLL_SHARE = 20  # times as long as a look takes there is none
_DOUBT_SHARE = 500  # times as long as a look computes there is none if only some disk came or went
_BEGIN_AGAIN_SECONDS = 30.0  # between tries to have events again
_LATE_SECONDS = 3.0  # after which an event should have told of a file that a look has found
_RENAMED_SECONDS = 1.0  # that it takes, beyond settling, to make the output of a file that has another name now
_GROUND_SECONDS = 1.0  # between looks whether the folders are still there
_ONCE_SECONDS = 0.05  # between looks whether all is done
_MOST_ASIDE = 1000  # of what is passed over is told


class Search:
    """Finds pictures; all but :meth:`items` and :meth:`close` is for the thread that draws from it.

    Args:
        desk: What is worked with.
        changes: Tells what may have changed.
        finder: Decides about files.
        results: Takes what is known of a picture without translating it.
    """

    def __init__(self, desk: Desk, changes: Changes, finder: Finder, results: Results) -> None:
        self._desk, self._changes, self._finder, self._results = desk, changes, finder, results
        self._looker = Looker(desk.inbox, {os.path.realpath(desk.output)}, desk.prepared.selection, self._passed_over)
        self._written: set[str] = set()  # told by an event, so that the content may be another one
        self._settled = Settled(desk, finder, results, self._written, self._gone)
        self._late: dict[str, float] = {}  # found by a look and told by no event, yet
        self._untold = 0
        self._aside: set[str] = set()
        self._journaled: dict[str, Entry] = {}
        self._sweep: Sweep | None = None
        self._looked = self._again = self._doubted = self._closed = False
        self._next_look = self._next_doubt = self._next_ground = self._next_begin = float("-inf")

    def items(self, stop: threading.Event) -> Iterator[Item]:
        """Yield pictures as they settle, until ``stop`` is set or it is closed; whatever arrives joins those that wait.

        Raises:
            AwayError: If a folder is not the one it was.
        """
        desk = self._desk
        while not stop.is_set():
            at_once = len(self._settled) or self._sweep is not None
            changed = self._changes.take(0.0 if at_once else self._pause(), stop)
            now = desk.clock()
            if now >= self._next_ground:
                self._next_ground = now + _GROUND_SECONDS
                desk.ground.check()
                if self._changes.check():
                    self._gone_astray()
            with desk.turn:
                if self._closed:
                    return
                self._again |= changed.everything
                if self._sweep is not None or self._again or now >= self._next_look:
                    self._look()
                for path in sorted(changed.paths):
                    self._told(path, now)
                self._retry(now)
                self._doubt(now)
                now = desk.clock()
                self._settled.add(now)
                chosen = self._settled.next(now, stop)
                desk.tending.counted(waiting=len(desk.settling), in_hand=desk.ledger.busy)
                if chosen is None and self._ends(now):
                    return
            if chosen is not None:
                yield chosen

    def close(self) -> None:
        """Find nothing more: whoever still waits for a picture gets none, and what is known stays as it is."""
        with self._desk.turn:
            self._closed = True
        self._changes.wake()

    def _pause(self) -> float:
        desk, now = self._desk, self._desk.clock()
        with desk.turn:
            times = [self._next_look - now, desk.settling.seconds(now), desk.tending.retries.seconds(now)]
        times.append(_ONCE_SECONDS if desk.tending.conduct.once else _GROUND_SECONDS)
        return max(0.0, min(time for time in times if time is not None))

    def _ends(self, now: float) -> bool:
        """Whether all is done that was to be done once."""
        desk = self._desk
        idle = not (self._sweep or desk.ledger.busy or len(desk.settling)) and desk.tending.retries.seconds(now) is None
        return desk.tending.conduct.once and idle

    # What is there

    def _look(self) -> None:
        """Begin to look at everything, or go on with it."""
        desk = self._desk
        if self._sweep is None:
            self._again = False
            self._changes.renew()
            self._journaled = self._finder.known_done() if not len(desk.ledger) else {}
            self._sweep = Sweep(desk, self._looker, self._finder, self._found, self._gone)
        if not self._sweep.go_on():
            return
        sweep, self._sweep = self._sweep, None
        self._journaled, self._looked = {}, True
        for relative, _ in desk.ledger.of(REFUSED):  # what was refused is decided about anew
            desk.at_once(relative)
        desk.tending.looked(desk.journal, desk.ground.check)
        self._plan_look(desk.clock(), sweep.took, sweep.cpu)

    def _found(self, one: Seen) -> None:
        """A look has found a file."""
        desk = self._desk
        fact = desk.ledger[one.relative]
        if fact is not None and fact.version == one.version:
            return
        now = desk.clock()
        is_new = fact is None and one.relative not in desk.settling
        if is_new and self._looked and self._changes.has_events:
            self._late.setdefault(one.relative, now)
        self._see(one, now)

    def _plan_look(self, now: float, took: float, cpu: float) -> None:
        """Decide when the next look is, and have events again if they can be had."""
        self._next_doubt = now + _DOUBT_SHARE * cpu
        if self._changes.has_events:
            self._next_look = self._next_doubt if self._doubted else now + between_looks(cpu)
        else:
            self._next_look = now + max(POLL_SECONDS, _POLL_SHARE * took)
            if now >= self._next_begin and not self._untold:
                self._next_begin = now + _BEGIN_AGAIN_SECONDS
                self._again |= self._changes.begin()  # for what has changed since this look
        self._doubted = False
        if self._again:
            self._next_look = now

    def _gone_astray(self) -> None:
        """Events may have: some disk came or went, ours for a moment, or a folder moved. It may be so every second."""
        if self._sweep is None:
            self._next_look = min(self._next_look, self._next_doubt)
        else:
            self._doubted = True

    def _told(self, path: Path, now: float) -> None:
        """An event was about a path, a file or a folder."""
        seen = [*self._looker.at(path)]
        for one in seen:
            self._late.pop(one.relative, None)
            self._written.add(one.relative)
            self._see(one, now)
        if seen or os.path.lexists(path):
            return
        self._desk.ground.check()
        with contextlib.suppress(ValueError):
            relative = os.fspath(path.relative_to(self._desk.inbox))
            known = [*self._desk.ledger, *self._desk.settling.names()] if self._is_folder(relative) else [relative]
            for name in known:
                if name == relative or name.startswith(relative + os.sep):
                    self._gone(name)

    def _is_folder(self, relative: str) -> bool:
        """Whether what is gone may have been a folder: no file of this path is known."""
        return self._desk.ledger[relative] is None and relative not in self._desk.settling

    def _see(self, one: Seen, now: float) -> None:
        """A file is there in this version."""
        desk, relative, version = self._desk, one.relative, one.version
        fact = desk.ledger[relative]
        if fact is not None and fact.version == version:
            return
        same = fact is not None and fact.version.renamed(version) and fact.state in (DONE, ASIDE, BUSY)
        if same and relative not in self._written:
            desk.ledger.again(relative, version)  # its rights were changed, or the number of its links
            return
        entry = self._journaled.get(relative) if fact is None else None
        if entry is not None and self._finder.is_done(version, entry):
            self._done_before(relative, version, entry)
        else:
            desk.settling.see(relative, version, now)

    def _done_before(self, relative: str, version: Version, entry: Entry) -> None:
        desk = self._desk
        desk.ledger.set(relative, Fact(version, DONE, entry.output, entry.output_size, entry.output_mtime_ns))
        output = desk.output / os.fsdecode(entry.output)
        source = desk.inbox / relative
        desk.tending.known(Item(source, output, entry.output, entry.source, "", entry.size, entry.mtime_ns), version)

    def _gone(self, relative: str) -> None:
        """A file is not there any more."""
        desk = self._desk
        self._late.pop(relative, None)
        self._written.discard(relative)
        desk.settling.forget(relative)
        fact = desk.ledger[relative]
        if fact is None or fact.state == BUSY:  # what is in hand has been read, or is going to say so
            return
        desk.ledger.depart(relative)
        if desk.tending.conduct.mirror_deletes:  # not before it could be seen that it only has another name
            self._next_look = min(self._next_look, desk.clock() + desk.tending.conduct.settle + _RENAMED_SECONDS)
        desk.tending.retries.forget(fact.key)
        known = desk.journal.entry(fact.key) if fact.state in (FAILED, REFUSED) else None
        if known and known.state == "failed" and os.fsdecode(known.source) == relative:
            desk.journal.forget_failures([fact.key])

    def _retry(self, now: float) -> None:
        desk = self._desk
        for key in desk.tending.retries.due(now):
            relative = desk.ledger.owner(key)
            fact = desk.ledger[relative] if relative is not None else None
            if relative is not None and fact is not None and fact.state == FAILED:
                desk.at_once(relative)

    def _doubt(self, now: float) -> None:
        """Have events told anew if one has failed to come; if that is of no use, do without."""
        if not any(now - since >= _LATE_SECONDS for since in self._late.values()):
            return
        self._late.clear()
        if not self._changes.has_events:
            return
        self._untold += 1
        if self._untold == 1:
            self._changes.begin()
        else:
            self._changes.give_up(f"the system does not tell of all changes in {self._desk.inbox}")
        self._again = True

    def _passed_over(self, path: str, why: str) -> None:
        if path not in self._aside and len(self._aside) < _MOST_ASIDE:
            self._aside.add(path)
            self._desk.tending.passed_over(why, len(self._aside))
