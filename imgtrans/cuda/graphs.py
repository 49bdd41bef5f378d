"""Work that comes again and again is recorded once and replayed: a launch for all of it, and no Python in between."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Work = Callable[[Tensor, Tensor], None]
Record = Callable[[Callable[[], None]], Callable[[], None]]

MOST_GRAPHS = 8  # recordings that are kept; sizes of pictures, mostly
MOST_KINDS = 4096  # sizes that are counted

_ONE_AT_A_TIME = threading.Lock()  # whatever the device


@dataclass
class Recorded:
    """A recording, which reads and writes the same memory each time.

    Attributes:
        given: What it reads.
        made: What it writes.
        replay: Does it again.
    """

    given: Tensor
    made: Tensor
    replay: Callable[[], None]


class Graphs:
    """Recordings of one piece of work, for the kinds of input that it met more than once.

    Once there are as many as may be kept, one is given up only for a kind that came more often.

    Args:
        recorder: Returns what does some work once, for good, and returns what does the same again. After all recordings
            were given up it is asked anew.
        most: Recordings that are kept.

    Attributes:
        reason: Why nothing is recorded any more; "" as long as it is.
        copies: Whether copies from and to the host's memory are recorded, too, where that is asked for.
    """

    def __init__(self, recorder: Callable[[], Record], most: int = MOST_GRAPHS) -> None:
        self.reason, self.copies = "", True
        self._recorder, self._record, self._most = recorder, recorder(), most
        self._met: Counter[tuple[object, ...]] = Counter()
        self._recorded: dict[tuple[object, ...], Recorded] = {}

    def __len__(self) -> int:
        """Return how many recordings there are."""
        return len(self._recorded)

    def run(self, given: Tensor, made: Tensor, work: Work) -> None:
        """Do ``work(given, made)``, or replay it; ``made`` is filled."""

        def prepared() -> Recorded:
            still, out = given.clone(), torch.empty_like(given)
            return Recorded(still, out, self._record(lambda: work(still, out)))

        recorded = self._kept((*given.shape, given.dtype), prepared)
        if recorded is None:
            work(given, made)
            return
        recorded.given.copy_(given, non_blocking=True)
        recorded.replay()
        made.copy_(recorded.made, non_blocking=True)

    def with_copies(
        self, shape: tuple[int, ...], kind: torch.dtype, room: Callable[..., Tensor], device: torch.device, work: Work
    ) -> Recorded | None:
        """Return a recording of work, and of what is copied for it: it reads and writes the host's memory.

        Args:
            shape: Of what is given, and made.
            kind: Their type.
            room: Returns memory of the host that the device reads by itself, for a shape and type.
            device: Where the work is done.
            work: It.

        Returns:
            None as long as there is none, and where that cannot be.
        """

        def prepared() -> Recorded:
            given, made = (room(shape, dtype=kind).zero_() for _ in "ab")
            still, out = (torch.empty(shape, dtype=kind, device=device) for _ in "ab")

            def all_of_it() -> None:
                still.copy_(given, non_blocking=True)
                work(still, out)
                made.copy_(out, non_blocking=True)

            return Recorded(given, made, self._record(all_of_it))

        return self._kept((*shape, kind, "copies"), prepared) if self.copies else None

    def clear(self) -> None:
        """Give up all recordings, and the memory that they hold."""
        self._recorded.clear()
        self._met.clear()
        self._record = self._recorder()

    def _kept(self, kind: tuple[object, ...], prepared: Callable[[], Recorded]) -> Recorded | None:
        """Return the recording of a kind, which is made now if it is worthwhile, or None."""
        if len(self._met) > MOST_KINDS:
            self._met.clear()
        self._met[kind] += 1
        if kind not in self._recorded and self._worthwhile(kind):
            try:
                self._recorded[kind] = prepared()
            except torch.OutOfMemoryError:
                raise
            except RuntimeError as error:
                self.clear()
                if kind[-1] == "copies":  # without them it may still do
                    self.copies = False
                else:
                    self.reason = f"nothing can be recorded on this device: {' '.join(str(error).split())[:200]}"
        return self._recorded.get(kind)

    def _worthwhile(self, kind: tuple[object, ...]) -> bool:
        """Whether a kind is to be recorded now; at its first time it never is, which readies all that it needs."""
        if self.reason or self._met[kind] < 2:
            return False
        if len(self._recorded) < self._most:
            return True
        rarest = min(self._recorded, key=lambda one: self._met[one])
        if self._met[rarest] >= self._met[kind]:
            return False
        del self._recorded[rarest]
        return True


def cuda_graphs(device: torch.device, stream: torch.cuda.Stream) -> Graphs:
    """Return recordings as CUDA graphs, which share the memory for what comes between input and output.

    Args:
        device: Where they are.
        stream: On which all of them are recorded and replayed, one after the other; not the default one.
    """

    def recorder() -> Record:
        pool = torch.cuda.graph_pool_handle()  # one that nothing uses any more cannot be used again

        def record(work: Callable[[], None]) -> Callable[[], None]:
            graph = torch.cuda.CUDAGraph()
            # Other threads may ask their own devices for memory meanwhile, which would break a global recording.
            recording = torch.cuda.graph(graph, pool=pool, stream=stream, capture_error_mode="thread_local")
            with _ONE_AT_A_TIME, torch.cuda.device(device), recording:
                work()
            return graph.replay

        return record

    return Graphs(recorder)
