"""One look at everything in a watched folder and at all its outputs, in slices, so that what arrives need not wait."""

import time
from collections.abc import Callable, Iterator

from imgtrans.watching.desk import Desk
from imgtrans.watching.finder import Finder
from imgtrans.watching.ground import AwayError
from imgtrans.watching.ledger import DONE
from imgtrans.watching.seeing.looking import Looker, Seen

SLICE_SECONDS = 0.02
_AT_ONCE = 64  # files between two looks at the clock


class Sweep:
    """Costs one status for each file and for each output, and opens nothing.

    Args:
        desk: What is worked with.
        looker: Looks.
        finder: Knows whether an output stands.
        see: Is told of each file that is there.
        gone: Is told of each that is known and is not.
    """

    def __init__(
        self,
        desk: Desk,
        looker: Looker,
        finder: Finder,
        see: Callable[[Seen], None],
        gone: Callable[[str], None],
    ) -> None:
        self.took = self.cpu = 0.0
        self._desk, self._looker, self._finder, self._see_one, self._gone = desk, looker, finder, see, gone
        self._steps = self._look()

    def go_on(self, seconds: float = SLICE_SECONDS) -> bool:
        """Look on for so long; return whether that was all.

        Raises:
            AwayError: If a folder is not the one it was.
        """
        wall, cpu = time.perf_counter(), time.thread_time()
        try:
            for number, _ in enumerate(self._steps, 1):
                if number % _AT_ONCE == 0 and time.perf_counter() - wall >= seconds:
                    return False
            return True
        finally:
            self.took += time.perf_counter() - wall
            self.cpu += time.thread_time() - cpu

    def _look(self) -> Iterator[None]:
        desk = self._desk
        there = set()
        try:
            for one in self._looker.all():
                there.add(one.relative)
                self._see_one(one)
                yield
        except OSError as error:
            raise AwayError(f"{desk.inbox} cannot be read: {error.strerror}") from error
        desk.ground.check()  # else all that is on a disk that has gone would be taken for deleted
        for relative in [*desk.ledger, *desk.settling.names()]:
            if relative in there:
                continue
            now = next(self._looker.at(desk.inbox / relative), None)  # it may have come while we looked elsewhere
            if now is not None and now.relative == relative:
                self._see_one(now)
            else:
                self._gone(relative)
            yield
        for relative, fact in desk.ledger.of(DONE):
            stands = self._finder.stands(fact.key, fact.output_size, fact.output_mtime_ns)
            if not stands and desk.ledger[relative] is fact:
                desk.at_once(relative)
            yield
