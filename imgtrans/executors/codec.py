"""What reads and writes the pictures of one lane: a process somewhere, that a picture cannot take the run down with."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from imgtrans.executors.serving import Answer
from imgtrans.images.measure import Extent
from imgtrans.protocols import Item, Pixels

# Short enough that a malicious file only costs one picture; a slow encoder needs longer for a gigapixel, so that
# pictures get more for what they have.
TIME_LIMIT_SECONDS = 300.0
SECONDS_PER_PIXEL = 2e-6

Calls = Sequence[tuple[str, tuple[Any, ...], Sequence[Pixels]]]  # names, arguments, frames; see ``serving.Desk``


class WorkerDiedError(Exception):
    """The process crashed, or took too long and was killed; the next call gets a new one.

    Attributes:
        killed: Whether somebody else killed it, which is what the system does when memory has run out.
    """

    def __init__(self, message: str, killed: bool = False) -> None:
        super().__init__(message)
        self.killed = killed


class LostError(Exception):
    """What was read or computed is gone with the machine that had it, and has to be read again."""


@dataclass(frozen=True)
class Read:
    """A picture that a codec has read.

    Attributes:
        frames: What of each frame goes into the network.
        pixels: Pixels of the picture, all frames together.
        seconds: How long it took.
        note: What the user has to know of it, one sentence or "".
    """

    frames: list[Pixels]
    pixels: int
    seconds: float
    note: str = ""


class Codec:
    """A process with a :class:`imgtrans.executors.serving.Desk` and one caller; a subclass says where it is.

    A picture that is read in it stays there until it is written or dropped. Frames are what :meth:`calls` gives and
    takes: arrays, or whatever stands for arrays elsewhere and has their shape, type and size.

    Attributes:
        deaths: How often a picture is tried again whose process was killed.
    """

    deaths: ClassVar[int] = 1

    def calls(self, calls: Calls, pixels: int = 0) -> list[Answer]:
        """Have calls answered, one after the other, each with its frames.

        Args:
            calls: What is asked.
            pixels: How many the pictures have, as far as that is known: more get more time.

        Raises:
            WorkerDiedError: If the process crashed or hung.
            LostError: If frames that were given are gone.
        """
        raise NotImplementedError

    def is_there(self) -> bool:
        """Whether something can be asked of it now; if not, this waits for a moment first."""
        return True

    def kill(self) -> None:
        """End the process, whatever it is doing, from another thread than the caller's; it gets no other one."""
        raise NotImplementedError

    def renew(self) -> None:
        """Let go of a process that has ended by itself while nothing was asked of it; the next call starts another."""

    def rest(self) -> None:
        """There is nothing more to do for it in this run."""

    def close(self) -> None:
        """End the process, whatever it is doing."""
        raise NotImplementedError

    def measure(self, item: Item) -> Extent:
        """Return how much a picture is, with all its frames, without decoding it.

        Raises:
            ImageError: If it is none, or too large.
            WorkerDiedError: If that crashed or hung.
        """
        extent: Extent = self._call("measure", item).value
        return extent

    def read(self, item: Item, pixels: int = 0) -> Read:
        """Decode a picture and keep it.

        Args:
            item: The picture.
            pixels: How many it has, as far as that is known.

        Raises:
            ImageError: If it cannot be decoded.
            WorkerDiedError: If decoding crashed or hung.
        """
        return _read(self._call("read", item, pixels=pixels))

    def read_small(self, items: Sequence[Item], most: int) -> list[tuple[Extent, Read | None] | Exception]:
        """Decode and keep those of several pictures that are small.

        Args:
            items: The pictures.
            most: Bytes that each may take.

        Returns:
            For each how much it is and, if that is not too much, what was read, or why it cannot be.

        Raises:
            WorkerDiedError: If one of them crashed it or hung.
        """
        answers = self.calls([("read_small", (item, most), ()) for item in items])
        return [
            answer.error or (answer.value[0], _read(answer, answer.value[1]) if answer.value[1] else None)
            for answer in answers
        ]

    def write(self, item: Item, translated: Sequence[Pixels], temporary: Path, pixels: int = 0) -> float:
        """Finish a picture; the file ``temporary`` is then on disk.

        Args:
            item: The picture.
            translated: The network's output for each frame.
            temporary: The file to write.
            pixels: How many the picture has, as far as that is known.

        Returns:
            Seconds that it took.

        Raises:
            ImageError: If it cannot be encoded.
            OSError: If it cannot be written.
            WorkerDiedError: If encoding crashed or hung.
        """
        return self._call("write", item, temporary, frames=translated, pixels=pixels).seconds

    def write_several(self, pictures: Sequence[tuple[Item, Sequence[Pixels], Path]]) -> list[float | Exception]:
        """Finish several pictures, as :meth:`write` does.

        Returns:
            For each the seconds that it took, or why it cannot be finished.

        Raises:
            WorkerDiedError: If one of them crashed it or hung.
        """
        answers = self.calls([("write", (item, temporary), frames) for item, frames, temporary in pictures])
        return [answer.error or answer.seconds for answer in answers]

    def drop(self, item: Item) -> None:
        """Forget a picture that will not be written."""
        self._call("drop", item)

    def _call(self, name: str, *arguments: Any, frames: Sequence[Pixels] = (), pixels: int = 0) -> Answer:
        (answer,) = self.calls([(name, arguments, frames)], pixels)
        if answer.error is not None:
            raise answer.error
        return answer


def _read(answer: Answer, said: tuple[int, str] | None = None) -> Read:
    """Return what a codec has read, as its answer says."""
    pixels, note = said or answer.value
    return Read(answer.frames, pixels, answer.seconds, note)
