"""A picture on its way through a lane: before it is read, and while its worker holds it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from imgtrans.errors import ImageError, ImgtransError
from imgtrans.executors.codec import LostError, Read, WorkerDiedError
from imgtrans.images.measure import Extent
from imgtrans.isolation.blame import in_words, whose
from imgtrans.protocols import Item, Outcome, Pixels

if TYPE_CHECKING:
    from imgtrans.executors.lane import Lane

# Up to here pictures are read and written several at a time, since a message and a wait for the disk take as long as
# one of them. Sixteen lanes may so take a gigabyte without asking how much it is really.
SMALL_BYTES = 8 << 20
TOGETHER = 8
# How often a picture is read again because what was made of it is gone: machines are lost now and then, not with it.
LOSSES = 5


@dataclass
class Coming:
    """A picture that is to be read by itself, as soon as there is memory for it, or for it alone.

    Attributes:
        item: The picture.
        extent: How much it is; None as long as that is not known.
        deaths: How often its process was killed while it had it alone; then nothing else may be read or written.
        losses: How often it had to be read again because what was made of it was gone.
    """

    item: Item
    extent: Extent | None = None
    deaths: int = 0
    losses: int = 0


@dataclass(eq=False)
class Held:
    """A picture that the worker holds until the model is done with all its frames.

    Attributes:
        item: The picture.
        lane: Whose worker it is.
        read: What was read.
        needed: Bytes that it takes from decoding to encoding.
        results: What the model has made of its frames so far; those that it has not seen are there as they were.
        missing: How many these are.
        model_seconds: What the model has taken.
        by_itself: Whether it is not to be written together with others.
        deaths: As of :class:`Coming`.
        losses: Likewise.
        kept: Bytes of it that are at rest: all, unless the process that had them is gone.
    """

    item: Item
    lane: "Lane"
    read: Read
    needed: int
    results: list[Pixels | Exception] = field(init=False)
    missing: int = field(init=False)
    model_seconds: float = 0.0
    by_itself: bool = False
    deaths: int = 0
    losses: int = 0
    kept: int = field(init=False)

    def __post_init__(self) -> None:
        self.results = [*self.read.frames]
        self.missing = len(self.results)
        self.kept = self.memory

    @property
    def memory(self) -> int:
        """Bytes that it takes at rest: RGB and alpha, and what the network sees twice, here and in the worker."""
        return 4 * self.read.pixels * self.read.frames[0].itemsize + 2 * sum(frame.nbytes for frame in self.read.frames)

    @property
    def more_memory(self) -> int:
        """Bytes that encoding it takes besides what it holds."""
        return max(0, self.needed - self.kept)

    @property
    def problem(self) -> Exception | None:
        """What the model has failed with."""
        return next((result for result in self.results if isinstance(result, Exception)), None)

    def is_small(self) -> bool:
        """Whether it may be written together with others."""
        return not (self.by_itself or self.deaths or self.problem) and self.needed <= SMALL_BYTES

    def translated(self) -> list[Pixels]:
        """Return what the model has made of its frames."""
        return [result for result in self.results if not isinstance(result, Exception)]

    def outcome(self, temporary: Path | None, *, error: str = "", encode_seconds: float = 0.0) -> Outcome:
        """Return what became of it."""
        read = self.read
        return Outcome(
            self.item, temporary, error, read.pixels, read.seconds, self.model_seconds, encode_seconds, read.note
        )


def sentence(item: Item, error: Exception) -> str:
    """Return why a picture failed."""
    if isinstance(error, ImageError):
        return error.message
    if isinstance(error, ImgtransError):  # which does not know the picture
        return f"{item.input} could not be translated: {error.message.rstrip('.')}."
    if isinstance(error, WorkerDiedError):
        return f"{item.input} {error}."
    if isinstance(error, LostError):
        return f"{item.input} could not be translated: what was made of it was lost {LOSSES + 1} times."
    if isinstance(error, MemoryError):
        return f"{item.input} does not fit into the device's memory; a --size would help."
    if isinstance(error, OSError):
        return f"{item.output} cannot be written: {error.strerror}."
    reason = [type(error).__name__, *str(error).strip().splitlines()][-1]
    if not isinstance(error, RuntimeError | ValueError):  # which are sentences, mostly
        reason = in_words(error)
    where = f" (in {package})" if (package := whose(error)) else ""
    return f"{item.input} could not be translated: {reason}{where}"
