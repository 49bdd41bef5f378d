"""What the two threads that watch a folder share: one finds pictures, one takes what becomes of them."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from imgtrans.batch.request import Prepared
from imgtrans.journal.writing import Journal
from imgtrans.watching.ground import Ground
from imgtrans.watching.ledger import Ledger
from imgtrans.watching.seeing.settling import Settling
from imgtrans.watching.tending import Tending


@dataclass(frozen=True)
class Desk:
    """What is worked with; who has ``turn`` may change it.

    Attributes:
        prepared: What is asked for.
        tending: Is told what happens.
        journal: Of the output folder.
        ledger: What is known of each file.
        settling: The files that may still change.
        ground: The folders that all stands on.
        clock: Returns a monotonic time in seconds.
        turn: A lock.
    """

    prepared: Prepared
    tending: Tending
    journal: Journal
    ledger: Ledger
    settling: Settling
    ground: Ground
    clock: Callable[[], float]
    turn: threading.RLock = field(default_factory=threading.RLock)

    @property
    def inbox(self) -> Path:
        """The folder that is watched."""
        return self.prepared.request.inputs[0]

    @property
    def output(self) -> Path:
        """Where outputs go."""
        return self.prepared.destination.folder

    def at_once(self, relative: str) -> None:
        """Look at a file again without waiting for it to settle."""
        fact = self.ledger[relative]
        if fact is not None:
            self.settling.see(relative, fact.version, self.clock() - self.tending.conduct.settle)
