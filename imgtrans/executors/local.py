"""This machine as an executor: worker processes decode and encode while sessions compute in this one."""

from collections.abc import Callable, Generator, Iterable

from imgtrans.executors.computing import Here
from imgtrans.executors.pipeline import Pipeline
from imgtrans.executors.reserve import Reserve
from imgtrans.executors.worker import Worker
from imgtrans.protocols import Item, Opening, Outcome

# Bytes that a worker keeps between pictures: those of two or three photographs, or where that is much, none.
LARGEST_KEPT, LEAST_KEPT = 256 << 20, 64 << 20


class LocalExecutor:
    """Worker processes, sessions, and the pipeline between them.

    Args:
        opening: How the model is made ready.
        progress: Is told the share of a large picture that is done, from 0 to 1.
        warn: Is told what is unwise.
        reserve: Has worker processes that are started already, maybe.
    """

    def __init__(
        self,
        opening: Opening,
        *,
        progress: Callable[[float], None] = lambda share: None,
        warn: Callable[[str], None] = lambda text: None,
        reserve: Reserve | None = None,
    ) -> None:
        self._ready = ready = opening.open(progress=progress, warn=warn)
        keep = min(LARGEST_KEPT, ready.pictures_memory // (4 * ready.workers))
        keep = keep if keep >= LEAST_KEPT else 0
        self._pipeline = Pipeline(
            [Worker(ready.job, keep=keep, reserve=reserve) for _ in range(ready.workers)],
            [Here(session) for session in ready.sessions],
            tag=ready.job.tag,
            batch_size=ready.batch_size,
            batch_pixels=ready.batch_pixels,
            memory=ready.pictures_memory,
            gather_seconds=ready.job.gather_seconds,
        )

    def describe(self) -> str:
        """Return where and how it computes, in words."""
        return self._ready.describe()

    def run(self, items: Iterable[Item]) -> Generator[list[Outcome]]:
        """Translate every item, yielding outcomes as they come, in any order; one that is given up is the last.

        Raises:
            FilesError: If nothing can be written any more (a full disk).
        """
        return self._pipeline.run(items)

    def interrupt(self) -> None:
        """End a run in another thread as if it were stopped there; see ``Interruptible`` of imgtrans."""
        self._pipeline.interrupt()

    def close(self) -> None:
        """End the worker processes."""
        self._pipeline.close()
        self._ready.close()
