"""How the watching of one inbox stands: what it does, what is done, what went wrong last, and how fast it goes."""

import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from imgtrans.journal.entry import process_of

STARTING, IDLE, WORKING, WAITING, STOPPING, STOPPED = "starting", "idle", "working", "waiting", "stopping", "stopped"
STATES = (STARTING, IDLE, WORKING, WAITING, STOPPING, STOPPED)

# What a reload does not begin anew.
_LASTING = ("translated", "failed", "retried", "known", "moved", "pixels", "model_seconds", "last_done", "last_failure",
            "last_error", "started", "rate")  # fmt: skip

RATE_SECONDS = 300.0
HUNG_SECONDS = 900.0  # without a sign of life from who watches
_SLOT_SECONDS = 5.0


class Rate:
    """How many things happen in a second, of the last five minutes, or since the first if that is less.

    Args:
        clock: Returns a monotonic time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started = clock()
        self._slots: deque[tuple[float, int]] = deque()

    def add(self, count: int = 1) -> None:
        """Count things that have just happened."""
        slot = self._clock() // _SLOT_SECONDS * _SLOT_SECONDS
        if self._slots and self._slots[-1][0] == slot:
            slot, before = self._slots.pop()
            count += before
        self._slots.append((slot, count))

    @property
    def per_second(self) -> float:
        """The rate."""
        now = self._clock()
        while self._slots and self._slots[0][0] < now - RATE_SECONDS:
            self._slots.popleft()
        passed = min(RATE_SECONDS, max(now - self._started, 1.0))
        return sum(count for _, count in self._slots) / passed


@dataclass
class Standing:
    """How the watching of one inbox stands; one thread changes it, and another may read it.

    Attributes:
        inbox: The folder, absolute.
        output: Where its translations go, absolute.
        model: The model's name.
        state: One of ``STATES``.
        why: What it waits for, one sentence; "" if it waits for nothing.
        loaded: Whether the model is in memory.
        queue: Pictures that are known and not begun, or not whole yet.
        in_hand: Pictures being translated.
        translated: Pictures translated since it was started.
        failed: Pictures given up since then.
        retried: How often a picture that had failed was tried again.
        known: Pictures that it found done before.
        passed_over: Pipes, sockets, devices, links out of the inbox, and folders that cannot be read, as they were met.
        moved: Sources archived, deleted or put into quarantine.
        pixels: Of the pictures translated.
        model_seconds: What the network took for them.
        last_done: When the last was translated, seconds since 1970; 0 if none was.
        last_failure: When one failed last; 0 if none has.
        last_error: Why, one sentence.
        started: When it was started.
        alive: When it last gave a sign of life; a monotonic time.
        process: Host, process id and start of the process.
    """

    inbox: str
    output: str
    model: str
    state: str = STARTING
    why: str = ""
    loaded: bool = False
    queue: int = 0
    in_hand: int = 0
    translated: int = 0
    failed: int = 0
    retried: int = 0
    known: int = 0
    passed_over: int = 0
    moved: int = 0
    pixels: int = 0
    model_seconds: float = 0.0
    last_done: float = 0.0
    last_failure: float = 0.0
    last_error: str = ""
    started: float = field(default_factory=time.time)
    alive: float = field(default_factory=time.monotonic)
    process: str = field(default_factory=process_of)
    rate: Rate = field(default_factory=Rate, repr=False, compare=False)

    def lives(self) -> None:
        """It has just done something."""
        self.alive = time.monotonic()

    def go_on_from(self, before: "Standing") -> None:
        """Count on from where another has stopped."""
        for name in _LASTING:
            setattr(self, name, getattr(before, name))

    def done(self, pixels: int, model_seconds: float) -> None:
        """Count a picture that was translated."""
        self.translated += 1
        self.pixels += pixels
        self.model_seconds += model_seconds
        self.last_done = time.time()
        self.rate.add()

    def erred(self, error: str, *, final: bool) -> None:
        """Take note of a failure, and count it if the picture is given up."""
        self.failed += final
        self.last_failure, self.last_error = time.time(), error

    def now(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        values = {name: value for name, value in vars(self).items() if name not in ("rate", "alive")}
        return {
            **values,
            "model_seconds": round(self.model_seconds, 3),
            "rate": round(self.rate.per_second, 3),
            "uptime": round(time.time() - self.started, 1),
            "silent": round(time.monotonic() - self.alive, 1),
            "pid": os.getpid(),
        }

    def line(self) -> str:
        """Return it in one line, as ``systemctl status`` shows it."""
        doing = f"{self.state}: {self.why}" if self.why else self.state
        parts = [doing, f"{self.queue} waiting"] if self.queue else [doing]
        parts += [f"{self.translated} translated", f"{self.failed} failed"]
        return ", ".join([*parts, f"{self.rate.per_second:.2f}/s"] if self.state == WORKING else parts)
