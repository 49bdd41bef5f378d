"""A Ray cluster as an executor: processes that read and write pictures, and processes with a model each."""

import contextlib
import time
from collections.abc import Callable, Generator, Iterable
from functools import partial
from typing import Any

import ray

from imgtrans.errors import ImgtransError, UsageError
from imgtrans.executors.pipeline import Pipeline
from imgtrans.protocols import Item, Opening, Outcome
from imgtrans_ray import options as own
from imgtrans_ray.actors import Codecs, Models, Opened
from imgtrans_ray.cluster import Cluster
from imgtrans_ray.codec import RemoteCodec, Spares
from imgtrans_ray.model import RemoteModel

AT_ONCE = 2  # calls that a model is given: one that it computes, and one on its way
# Batches that come in one call to a model without a GPU, whose batches are small: a call takes a fifth of such a time.
IN_A_CALL = 4
CODECS, CODECS_BESIDE_GPU = 8, 16  # for each model, at most, where there are so many cores
PATIENCE_SECONDS = 20.0  # after which it is said that it is the cluster that is waited for


class RayExecutor:
    """Reads, computes and writes on the machines of a cluster; what becomes of pictures is told here.

    Args:
        opening: How the model is made ready; it goes to each process that has one.
        progress: Is told the share of a large picture that is done.
        warn: Is told what is unwise, or takes unusually long.
        options: Its own.

    Raises:
        ImgtransError: If there is no cluster, or the model cannot be opened there.
    """

    Options = own.Options

    def __init__(
        self,
        opening: Opening,
        *,
        progress: Callable[[float], None] = lambda share: None,
        warn: Callable[[str], None] = lambda text: None,
        options: own.Options = own.Options(),  # noqa: B008 - it is frozen
    ) -> None:
        _check_device(opening.device)
        self._warn = warn
        self._codecs: list[RemoteCodec] = []
        self._models: list[RemoteModel] = []
        self._spares: Spares | None = None
        self._cluster = cluster = Cluster(options.address)
        try:
            on_gpu = opening.device == "cuda" or (opening.device == "auto" and cluster.gpus > 0)
            count = options.models or (max(1, cluster.gpus) if on_gpu else cluster.nodes)
            threads = 0 if on_gpu else options.threads or max(1, cluster.cpus // count)
            start = _starter(opening, threads, beside=-(-count // cluster.nodes) - 1, on_gpu=on_gpu)
            self._models = [RemoteModel(start, self._failed, progress, warn) for _ in range(count)]
            self._opened = self._first()
            most = count * (CODECS_BESIDE_GPU if on_gpu else CODECS)
            if not on_gpu or cluster.gpus >= count:  # else there is more to come, and it is asked for
                most = min(most, cluster.cpus)
            actors = Codecs.options(num_cpus=1 if on_gpu else 0, scheduling_strategy="SPREAD")  # type: ignore[attr-defined]
            job = ray.put(self._opened.job)
            self._spares = spares = Spares(lambda: actors.remote(job))
            self._codecs = [RemoteCodec(spares) for _ in range(options.codecs or most)]
            self._pipeline = Pipeline(
                self._codecs,
                [model for model in self._models for _ in range(AT_ONCE)],
                tag=self._opened.job.tag,
                batch_size=self._opened.batch_size,
                batch_pixels=self._opened.batch_pixels * (1 if on_gpu else IN_A_CALL),
                memory=self._opened.codec_memory * len(self._codecs),
                gather_seconds=self._opened.job.gather_seconds,
            )
        except BaseException:
            self.close()
            raise

    @classmethod
    def configured(cls, options: own.Options) -> Callable[..., "RayExecutor"]:
        """Return what makes one with options of its own."""
        return partial(cls, options=options)

    def describe(self) -> str:
        """Return where and how it computes, in words."""
        count = len(self._models)
        where = "by Ray here" if self._cluster.here else f"by Ray, {self._cluster.nodes} machines now"
        return f"{self._opened.description}, {where}, {f'up to {count} models' if count > 1 else 'one model'}"

    def run(self, items: Iterable[Item]) -> Generator[list[Outcome]]:
        """Translate every item, yielding outcomes as they come, in any order; each item has exactly one.

        Raises:
            FilesError: If no output can be written any more.
            UnavailableError: If there is no cluster any more, or no model can be opened there.
        """
        return self._pipeline.run(items)

    def interrupt(self) -> None:
        """End a run in another thread as if it were stopped there; see ``Interruptible`` of imgtrans."""
        self._pipeline.interrupt()

    def close(self) -> None:
        """End every process that it has started; Ray, too, if that was started for it."""
        with contextlib.ExitStack() as ending:
            ending.callback(self._cluster.close)
            if self._spares is not None:
                ending.callback(self._spares.close)
            for codec in self._codecs:
                ending.callback(codec.close)
            for model in self._models:
                ending.callback(model.interrupt)

    def _first(self) -> Opened:
        """Wait for the first model that is ready."""
        for model in self._models:
            model.begin()
        started, said = time.monotonic(), False
        while True:
            for model in self._models:
                if model.is_there() and model.opened:
                    return model.opened
            if not said and time.monotonic() - started > PATIENCE_SECONDS:
                said = True
                self._warn("the cluster has not made room for a model yet; it is waited for")

    def _failed(self, error: ImgtransError) -> None:
        """Do without a model that cannot be opened, as long as there are others."""
        if all(model.given_up for model in self._models):
            raise error
        self._warn(f"one of {len(self._models)} models is left out: {error.message}")


def _starter(opening: Opening, threads: int, *, beside: int, on_gpu: bool) -> Callable[[], tuple[Any, Any]]:
    """Return what begins to start a process with a model."""
    needs: dict[str, Any] = {"num_gpus": 1, "num_cpus": 0} if on_gpu else {"num_cpus": threads}
    models = Models.options(scheduling_strategy="SPREAD", **needs)  # type: ignore[attr-defined]
    content = ray.put(opening)  # once, for all of them: the model's weights are part of it

    def start() -> tuple[Any, Any]:
        actor = models.remote()
        return actor, actor.open.remote(content, threads, beside)

    return start


def _check_device(device: str) -> None:
    """Make sure that it is no device of a certain machine.

    Raises:
        UsageError: If it is.
    """
    if device == "all" or any(sign in device for sign in ":,"):
        raise UsageError(
            f"--device {device} names devices of one machine, and Ray chooses them itself",
            "leave it out, or say cpu or cuda; -O ray.models=N says how many",
        )
