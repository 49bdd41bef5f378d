"""What runs in the processes of the cluster: a desk that reads and writes pictures, and a model that computes."""

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import ray

import imgtrans
from imgtrans.errors import ImgtransError
from imgtrans.executors.pipeline import Answer, Desk, compute, fitting
from imgtrans.protocols import Job, Opening, Session
from imgtrans_ray.frames import Outline, Place, outlines_of, unpacked

Method = TypeVar("Method", bound=Callable[..., Any])
Read = tuple[list[Answer], list[Outline]]


@dataclass(frozen=True)
class Opened:
    """What a model says of itself once it is ready.

    Attributes:
        job: What is done to each picture.
        batch_size: Pictures of one size computed together, at most.
        batch_pixels: Pixels computed together, at most.
        codec_memory: Bytes that pictures may take in each process that reads and writes.
        description: Where and how it computes, in words.
        version: Of imgtrans, there.
    """

    job: Job
    batch_size: int
    batch_pixels: int
    codec_memory: int
    description: str
    version: str = imgtrans.__version__


def _in(group: str) -> Callable[[Method], Method]:
    """Return a decorator that has calls of a method wait for others of the same group only."""
    decorate: Callable[[Method], Method] = ray.method(concurrency_group=group)
    return decorate


class CodecActor:
    """Reads and writes pictures.

    Args:
        job: What is done to each.
    """

    def __init__(self, job: Job) -> None:
        self._desk = Desk(job)

    def hello(self) -> tuple[int, str]:
        """Return the number of this process, and the machine that it is on."""
        return os.getpid(), ray.util.get_node_ip_address()

    def answers(
        self, calls: list[tuple[str, tuple[Any, ...], int]], places: list[Place], *objects: list[Any]
    ) -> tuple[Read, list[Any]]:
        """Answer calls; the frames that belong to the answers come as an object of their own."""
        answers = self._desk.answers(calls, unpacked(places, objects))
        frames = [frame for answer in answers for frame in answer.frames]
        for answer in answers:
            answer.frames = []
        return (answers, outlines_of(frames)), frames


class ModelActor:
    """A network, ready on the device that Ray gives this process."""

    def __init__(self) -> None:
        self._session: Session | None = None
        self._batch_size = self._batch_pixels = 1
        self._share = 0.0
        self._warnings: list[str] = []
        self._lock = threading.Lock()

    @_in("computing")
    def open(self, opening: Opening, threads: int, beside: int) -> Opened | ImgtransError:
        """Load the model, to compute with so many threads where it has no device of its own.

        Args:
            opening: How.
            threads: How many; 0 leaves that to PyTorch.
            beside: How many other models are on this machine.
        """
        import torch  # noqa: PLC0415 - nothing that drives a cluster needs it

        if threads:
            torch.set_num_threads(threads)
        try:
            ready = opening.open(progress=self._progress, warn=self._warn, beside=beside)
        except ImgtransError as error:
            return error
        self._session = ready.sessions[0]
        self._batch_size, self._batch_pixels = ready.batch_size, ready.batch_pixels
        memory = ready.pictures_memory * (1 + beside) // ready.workers
        return Opened(ready.job, ready.batch_size, ready.batch_pixels, memory, ready.describe())

    @_in("computing")
    def compute(self, places: list[Place], groups: list[int], *objects: list[Any]) -> list[Any]:
        """Translate frames of one kind, which may be more than are computed together.

        Args:
            places: Where they are.
            groups: Into how many objects the results go, by the number of frames in each.
            objects: What they are in.

        Returns:
            What became of each, None or why it failed, or one MemoryError for all; then the groups of results, in which
            there is None for what failed.
        """
        assert self._session is not None
        try:
            frames = unpacked(places, objects)
            together = fitting(frames[0].shape, self._batch_size, self._batch_pixels)
            batches = [frames[start : start + together] for start in range(0, len(frames), together)]
            results = [result for batch in batches for result in compute(self._session, batch)]
        except MemoryError as error:
            return [MemoryError(str(error)), *([] for _ in groups)]
        left = iter([None if isinstance(result, Exception) else result for result in results])
        problems = [_plain(result) if isinstance(result, Exception) else None for result in results]
        made = [[next(left) for _ in range(count)] for count in groups]
        return [problems, *made]

    @_in("telling")
    def told(self) -> tuple[float, list[str]]:
        """Return the share of a large picture that is done, and what is to be said since the last time."""
        with self._lock:
            said, self._warnings = self._warnings, []
            return self._share, said

    @_in("telling")
    def hello(self) -> tuple[int, str]:
        """Return the number of this process, and the machine that it is on."""
        return os.getpid(), ray.util.get_node_ip_address()

    def _progress(self, share: float) -> None:
        self._share = share

    def _warn(self, text: str) -> None:
        with self._lock:
            self._warnings.append(text)


def _plain(error: Exception) -> Exception:
    """Return an error that any process can unpickle."""
    if isinstance(error, ImgtransError | MemoryError):
        return error
    return RuntimeError(str(error).strip() or type(error).__name__)


Codecs: Callable[..., Any] = ray.remote(CodecActor)
Models: Callable[..., Any] = ray.remote(concurrency_groups={"computing": 1, "telling": 1})(ModelActor)


def groups_of(places: Sequence[Place]) -> list[int]:
    """Return how many neighbours in a row are of one object: what was read together is written together."""
    counts: list[int] = []
    before: int | None = None
    for one, _ in places:
        if one == before:
            counts[-1] += 1
        else:
            counts.append(1)
        before = one
    return counts
