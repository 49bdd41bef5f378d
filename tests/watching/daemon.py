"""``imgtrans watch`` in a process of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

PATIENCE = 90.0


def until(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """Wait until something is true, and return it."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.02)
    return found


class Daemon:
    """Started with arguments of ``watch``; what it says goes into files beside the inbox.

    Args:
        place: Where it is started.
        arguments: Of ``imgtrans watch``.
        before: Arguments before ``watch``.
        python: The interpreter's command, if it is not this one's.
        environment: Variables besides those of the test.
    """

    def __init__(
        self,
        place: Path,
        *arguments: object,
        before: tuple[str, ...] = (),
        python: Sequence[str] = (sys.executable,),
        **environment: str,
    ) -> None:
        self.out, self.err = place / "stdout", place / "stderr"
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [*python, "-m", "imgtrans", *before, "watch", *map(str, arguments), "--json"],
                cwd=place,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **environment},
                stdout=out,
                stderr=err,
            )

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events that it has told."""
        return [json.loads(line) for line in self.out.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def wait_for(self, condition: Callable[[], Any], what: str = "what is waited for") -> Any:
        """Wait until something is true while it runs."""

        def true_or_ended() -> Any:
            found = condition()
            assert found or self.process.poll() is None, (what, self.process.returncode, self.err.read_text())
            return found

        return until(true_or_ended, what)

    def event(self, count: int = 1, **fields: object) -> dict[str, Any]:
        """Wait for the nth event that has such fields."""

        def matching() -> list[dict[str, Any]]:
            return [one for one in self.events if fields.items() <= one.items()][count - 1 :]

        return self.wait_for(matching, f"{fields}")[0]

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal, and return how it ended and what it has said to people."""
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> tuple[int, str]:
        """Return how it ended and what it has said to people."""
        return self.process.wait(PATIENCE), self.err.read_text()
