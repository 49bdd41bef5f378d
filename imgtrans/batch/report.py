"""How a run went: counted as it goes, and told to whoever listens."""

from dataclasses import dataclass, field
from typing import Protocol

from imgtrans.batch.plan import Decision, Tally
from imgtrans.batch.request import Prepared
from imgtrans.errors import FilesError
from imgtrans.protocols import Executor, Item, Outcome

KEPT_FAILURES = 1000  # of which the sentences are kept in memory; the journal has all that have failed


class Listener(Protocol):
    """Is told how a run goes, by one thread at a time."""

    def looking(self, tally: Tally) -> None:
        """Nothing to do has been found yet among so many files."""
        ...

    def planned(self, tally: Tally, prepared: Prepared, executor: Executor | None) -> None:
        """What is going to be done, as far as it is known; ``tally`` goes on. No executor if that is nothing."""
        ...

    def counted(self, files: int) -> None:
        """There are so many files, pictures and others, done and not; told if it takes long to find what they are."""
        ...

    def ignored(self, decision: Decision) -> None:
        """A file is no picture to translate, and what it is."""
        ...

    def finished(self, outcome: Outcome, status: str) -> None:
        """A picture was ``translated``, ``skipped`` or has ``failed``."""
        ...

    def streaming(self, share: float) -> None:
        """So much, 0 to 1, of a large picture is done."""
        ...

    def warned(self, text: str) -> None:
        """Something is unwise."""
        ...


@dataclass
class Report:
    """What a run did.

    Attributes:
        translated: Pictures translated.
        skipped: Pictures that were done before.
        failed: Pictures that have failed.
        ignored: Files that are no pictures.
        outputs: Pictures that imgtrans itself has made, which are left alone.
        pixels: Pixels of the pictures that were decoded.
        seconds: The time that all took.
        decode_seconds: The time that reading took, in all worker processes together.
        model_seconds: The time that the network took, on all devices together.
        encode_seconds: The time that writing took, in all worker processes together.
        failures: The first of those that have failed, and why.
        passed_over: The first of the files that are no pictures to translate, and what they are.
        collisions: Of folders of which nothing was done, as two of their files would make one output.
    """

    translated: int = 0
    skipped: int = 0
    failed: int = 0
    ignored: int = 0
    outputs: int = 0
    pixels: int = 0
    seconds: float = 0.0
    decode_seconds: float = 0.0
    model_seconds: float = 0.0
    encode_seconds: float = 0.0
    failures: list[tuple[Item, str]] = field(default_factory=list)
    passed_over: list[tuple[Item, str]] = field(default_factory=list)
    collisions: list[FilesError] = field(default_factory=list)

    def counts(self) -> dict[str, float]:
        """Return all numbers, for a program to read."""
        return {name: round(value, 3) for name, value in vars(self).items() if not isinstance(value, list)}

    def known(self, decision: Decision, listener: Listener) -> None:
        """Count a picture that is not tried, and tell the listener."""
        if decision.state == "done":
            self.skipped += 1
            listener.finished(Outcome(decision.item, None), "skipped")
        elif decision.state == "ignored":
            if len(self.passed_over) < KEPT_FAILURES:
                self.passed_over.append((decision.item, decision.problem))
            listener.ignored(decision)
        else:
            self._fail(Outcome(decision.item, None, decision.problem), listener)

    def tried(self, outcome: Outcome, listener: Listener) -> None:
        """Count a picture that was tried, and tell the listener."""
        self.pixels += outcome.pixels
        self.decode_seconds += outcome.decode_seconds
        self.model_seconds += outcome.model_seconds
        self.encode_seconds += outcome.encode_seconds
        if outcome.temporary:
            self.translated += 1
            listener.finished(outcome, "translated")
        else:
            self._fail(outcome, listener)

    def _fail(self, outcome: Outcome, listener: Listener) -> None:
        self.failed += 1
        if len(self.failures) < KEPT_FAILURES:
            self.failures.append((outcome.item, outcome.error))
        listener.finished(outcome, "failed")
