"""What is done about what happens in a watched folder: it is counted, told, and the sources are seen to."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from imgtrans.batch.request import Prepared
from imgtrans.journal.writing import Journal
from imgtrans.protocols import Item, Outcome
from imgtrans.watching.inbox import Inbox
from imgtrans.watching.seeing.version import Version
from imgtrans.watching.service.standing import IDLE, STARTING, STOPPING, WAITING, WORKING, Standing
from imgtrans.watching.sources.aftermath import Aftermath
from imgtrans.watching.sources.mirror import mirror
from imgtrans.watching.sources.ondone import OnDone
from imgtrans.watching.sources.retries import Retries

DELETED = "deleted"


class Log(Protocol):
    """What a person or a program is told."""

    def say(self, text: str) -> None:
        """Tell what is going on."""
        ...

    def detail(self, text: str) -> None:
        """Tell more."""
        ...

    def warn(self, text: str) -> None:
        """Tell what deserves attention."""
        ...

    def record(self, **fields: Any) -> None:
        """Tell an event to a program."""
        ...


class Tending:
    """Hears what happens in one inbox; called by the thread that watches it.

    Args:
        inbox: The inbox.
        prepared: Its request, understood.
        log: Who is told.
        on_done: Runs the user's command; None if there is none.
        standing: Is kept up to date.
    """

    def __init__(self, inbox: Inbox, prepared: Prepared, log: Log, on_done: OnDone | None, standing: Standing) -> None:
        self.standing = standing
        self.conduct = inbox.conduct
        self.retries = Retries(0 if inbox.conduct.once else inbox.conduct.retries)
        self._inbox = inbox
        self._prepared = prepared
        self._log = log
        self._on_done = on_done
        conduct = inbox.conduct
        self._aftermath = Aftermath(
            inbox.folder, log.warn, archive=conduct.archive, failed=conduct.failed, delete=conduct.delete
        )
        self._why = ""  # of which it was told; the standing's is overwritten by who is still finding pictures
        self._unmirrored = ""
        self._emptied = False
        self._mark = f"[{inbox.name}] " if inbox.name else ""

    def say(self, text: str) -> None:
        """Tell what is going on."""
        self._log.say(f"{self._mark}{text}")

    def detail(self, text: str) -> None:
        """Tell more, to who wants to know."""
        self._log.detail(f"{self._mark}{text}")

    def warned(self, text: str) -> None:
        """Tell what is unwise or went wrong."""
        self._log.warn(f"{self._mark}{text}")

    def passed_over(self, why: str, count: int) -> None:
        """Something in the inbox is no file to be opened; told once for each.

        Args:
            why: A sentence without its full stop.
            count: How many there were.
        """
        self.standing.passed_over = count
        self.warned(why)

    def ready(self, where: str) -> None:
        """The model is loaded, and watching begins.

        Args:
            where: On what device, and how, it computes.
        """
        model, output = self._prepared.model.name, self._prepared.destination.folder
        self._state(IDLE)
        self.say(f"watching {self._inbox.folder} with {model} {where}, into {output}")
        self._log.record(event="ready", inbox=str(self._inbox.folder), output=str(output), model=model)

    def loaded(self, loaded: bool) -> None:
        """The model was loaded, or freed."""
        self.standing.loaded = loaded
        if self.standing.state not in (STARTING, STOPPING):
            self.detail("the model is loaded again" if loaded else "the model is freed, as there is nothing to do")

    def looked(self, journal: Journal, check: Callable[[], None]) -> None:
        """The whole inbox was looked at.

        Args:
            journal: Of the output folder.
            check: Raises an error if the inbox is not the folder it was.
        """
        self.standing.lives()
        self.standing.moved += self._aftermath.try_again()
        if self.conduct.mirror_deletes:
            self._mirror(journal, check)

    def counted(self, waiting: int, in_hand: int) -> None:
        """So much is to be done.

        Args:
            waiting: Pictures that are not whole yet, or not begun.
            in_hand: Pictures that are being translated.
        """
        self.standing.queue, self.standing.in_hand = waiting, in_hand
        self._state(WORKING if in_hand else IDLE)

    def waits(self, why: str) -> None:
        """Watching cannot go on; told once for each reason.

        Args:
            why: A sentence without its full stop.
        """
        if self._why != why:
            self._why = why
            self.warned(f"{why}; waiting")
            self._log.record(event="waiting", inbox=str(self._inbox.folder), why=why)
        self._state(WAITING, why)

    def goes_on(self) -> None:
        """What was waited for is there."""
        self._why = ""
        self._state(IDLE)
        self.say(f"watching {self._inbox.folder} again")
        self._log.record(event="resumed", inbox=str(self._inbox.folder))

    def translated(self, outcome: Outcome, version: Version) -> None:
        """A picture's output is durable.

        Args:
            outcome: What became of it.
            version: What its source was when it was read.
        """
        item = outcome.item
        self.standing.lives()
        self.retries.forget(item.key)
        self.standing.done(outcome.pixels, outcome.model_seconds)
        now = self._moved(item, self._aftermath.done(item.input, version))
        seconds = outcome.decode_seconds + outcome.model_seconds + outcome.encode_seconds
        self.say(f"{item.input} -> {item.output} ({seconds:.2f} s){_told(now)}")
        self._record(item, "translated", pixels=outcome.pixels, note=outcome.note, **now)
        if outcome.note:
            self.warned(outcome.note)
        if self._on_done:
            self._on_done.add(
                {
                    "IMGTRANS_INPUT": os.fspath(item.input.absolute()),
                    "IMGTRANS_OUTPUT": os.fspath(item.output.absolute()),
                    "IMGTRANS_INBOX": os.fspath(self._inbox.folder.absolute()),
                    "IMGTRANS_MODEL": self._prepared.model.name,
                    **({"IMGTRANS_ARCHIVED": now["source"]} if self.conduct.archive and now else {}),
                }
            )

    def known(self, item: Item, version: Version) -> None:
        """A picture was done before."""
        self.standing.known += 1
        now = self._moved(item, self._aftermath.done(item.input, version))
        if now:
            self.say(f"{item.input} was done before{_told(now)}")
        self._record(item, "skipped", **now)

    def failed(self, item: Item, error: str, version: Version | None, again: float | None) -> None:
        """A picture has failed.

        Args:
            item: The picture.
            error: Why, one sentence.
            version: What its source was when it was read; None if it never was.
            again: In how many seconds it is tried again; None if it is given up.
        """
        self.standing.erred(error, final=again is None)
        if again is not None:
            self.standing.retried += 1
            self.warned(f"{error} It is tried again in {again:.0f} s.")
            self._record(item, "retried", error=error, seconds=again)
            return
        now: dict[str, str] = {}
        if version is not None:
            now = self._moved(item, self._aftermath.given_up(item.input, version, error))
        where = _told(now)
        self.warned(f"{error.removesuffix('.')}{where}" if where else error)
        self._record(item, "failed", error=error, **now)

    def _state(self, state: str, why: str = "") -> None:
        self.standing.lives()
        if self.standing.state != STOPPING:
            self.standing.state, self.standing.why = state, why

    def _mirror(self, journal: Journal, check: Callable[[], None]) -> None:
        output = self._prepared.destination.folder
        found = mirror(journal, output, self._inbox.folder, check, emptied=self._emptied)
        for path in found.deleted:
            self.say(f"{path} is deleted, as its source was")
            self._log.record(event="mirrored", output=str(path))
        if found.problem and found.problem != self._unmirrored:
            self.warned(found.problem)
        self._unmirrored = found.problem
        self._emptied |= not found.problem  # what is deleted from now on is seen to be

    def _moved(self, item: Item, now: Path | None) -> dict[str, str]:
        """Return what is told of a source that is not where it was."""
        if now == item.input:
            return {}
        self.standing.moved += 1
        return {"source": DELETED if now is None else str(now.absolute())}

    def _record(self, item: Item, status: str, **more: Any) -> None:
        told = {name: value for name, value in more.items() if value not in ("", None)}
        self._log.record(event="image", input=str(item.input), output=str(item.output), status=status, **told)


def _told(now: Mapping[str, str]) -> str:
    """Return how a line goes on about a picture whose source is not where it was."""
    where = now.get("source", "")
    return "" if not where else "; its source is deleted" if where == DELETED else f"; its source is now {where}"
