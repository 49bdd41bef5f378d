"""How the engine of a run is opened, as plain data that crosses processes, and whoever does the run's work with it."""

import contextlib
import math
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgtrans.errors import UnavailableError
from imgtrans.isolation.blame import blamed, part
from imgtrans.isolation.outcomes import guarded_executor
from imgtrans.opening import AUTO
from imgtrans.protocols import Executor, Job, Wanted
from imgtrans.registry import registered
from imgtrans.settings import configured
from imgtrans.zoo.store import Model

if TYPE_CHECKING:
    from imgtrans.batch.engine import Engine
    from imgtrans.executors.reserve import Reserve

EXECUTORS = "imgtrans.executors"
LOCAL = "local"


@dataclass(frozen=True)
class EngineOpening:
    """What an engine is opened with; see :class:`imgtrans.batch.engine.Engine` for all but the last.

    Attributes:
        content: The file of the model's weights, where that is not on this machine; None where it is.
    """

    model: Model
    size: int | None
    device: str
    precision: str
    batch_size: int
    wanted: Wanted = Wanted()  # noqa: RUF009 - it is frozen
    max_pixels: int = 0
    upsample: str = "guided"
    strength: float = 1.0
    tiling: str = "auto"
    memory: int = 0
    scratch: Path = Path()
    backend: str = AUTO
    settings: Any = None
    pictures: Callable[[], float] = field(default=partial(float, math.inf))
    tag: str = ""
    gather_seconds: float = Job.gather_seconds
    content: bytes | None = field(default=None, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        """Return what crosses to other processes: the model's weights come along, and nothing is left to be counted."""
        content = self.model.weights.read_bytes() if self.content is None else self.content
        return {**vars(self), "content": content, "pictures": partial(float, self.pictures())}

    def open(
        self,
        *,
        progress: Callable[[float], None] = lambda share: None,
        warn: Callable[[str], None] = lambda text: None,
        beside: int = 0,
    ) -> "Engine":
        """Load the model; this is where torch comes in.

        Raises:
            ModelError: If the model cannot be loaded, or is for pictures that are neither RGB nor gray.
            UnavailableError: If there is no such device or backend, or it cannot be used so.
            UsageError: If ``memory`` is less than what the processes take by themselves.
        """
        from imgtrans.batch.engine import Engine  # noqa: PLC0415 - a run with nothing to do never loads torch

        with self._model() as model:
            return Engine(
                model,
                self.size,
                self.device,
                self.precision,
                self.batch_size,
                wanted=self.wanted,
                max_pixels=self.max_pixels,
                upsample=self.upsample,
                strength=self.strength,
                tiling=self.tiling,
                memory=self.memory,
                scratch=self.scratch,
                backend=self.backend,
                settings=self.settings,
                pictures=self.pictures,
                tag=self.tag,
                gather_seconds=self.gather_seconds,
                beside=beside,
                progress=progress,
                warn=warn,
            )

    @contextlib.contextmanager
    def _model(self) -> Iterator[Model]:
        """Give the model with its weights in a file of this machine."""
        if self.content is None:
            yield self.model
            return
        with tempfile.TemporaryDirectory(prefix="imgtrans-") as folder:
            path = Path(folder, self.model.weights.name)
            path.write_bytes(self.content)
            yield replace(self.model, weights=path)


def check_executor(name: str) -> None:
    """Make sure that there is an executor of a name; nothing is loaded for it.

    Raises:
        UnavailableError: If there is none.
    """
    names = [one.name for one in registered(EXECUTORS) if not one.left_out]
    if name not in names:
        raise UnavailableError(
            f"there is no {name!r} among the executors: {', '.join(sorted(names))}",
            "imgtrans plugins lists what there is; a plugin may bring it",
        )


@contextlib.contextmanager
def opened_executor(
    name: str,
    opening: EngineOpening,
    progress: Callable[[float], None] = lambda share: None,
    warn: Callable[[str], None] = lambda text: None,
    *,
    settings: Any = None,
    reserve: "Reserve | None" = None,
) -> Iterator[Executor]:
    """Have an executor for as long as it is used.

    Args:
        name: Its name.
        opening: How the engine is opened, there or wherever it has that done.
        progress: Is told the share of a large picture that is done.
        warn: Is told what is unwise.
        settings: The options that the executor has of its own, if any were given.
        reserve: Has worker processes of this machine that are started already, maybe.

    Raises:
        ImgtransError: If it, or the engine, cannot be opened.
    """
    more = {"reserve": reserve} if name == LOCAL else {}
    who = part(EXECUTORS, name)
    with blamed(who):
        made: Executor = configured(EXECUTORS, name, settings)(opening, progress=progress, warn=warn, **more)
    with contextlib.closing(guarded_executor(made, who)) as executor:
        yield executor
