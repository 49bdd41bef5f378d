"""The whole inference path on one page: decode, prepare, compute, undo, encode."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from imgtrans.errors import ImageError, PluginHungError
from imgtrans.files import fsync_file
from imgtrans.images.decode import Picture, decode_frames
from imgtrans.images.encode import encode_frames
from imgtrans.images.measure import Extent
from imgtrans.images.measure import measure as measure_file
from imgtrans.images.resample import pad, shrink, working_size
from imgtrans.images.upsample import add_change, take
from imgtrans.images.written import is_deep
from imgtrans.memory import in_words
from imgtrans.protocols import Item, Job, Pixels, Session, Wanted


@dataclass(frozen=True)
class Prepared:
    """A decoded picture, and what of it the network gets to see.

    Attributes:
        picture: The picture at its own size.
        small: (h, w, 3), the picture at the size the network works at.
        others: The further frames of an animation, or pages of a file that has several.
        upsample: How the change is carried over to the picture where ``small`` is smaller.
        strength: The share of the change that is taken.
    """

    picture: Picture
    small: Pixels
    others: tuple["Prepared", ...] = ()
    upsample: str = "guided"
    strength: float = 1.0

    @property
    def frames(self) -> tuple["Prepared", ...]:
        """All frames or pages; mostly there is one."""
        return (self, *self.others)

    @property
    def pixels(self) -> int:
        """How many pixels they have together."""
        return sum(frame.picture.pixels.shape[0] * frame.picture.pixels.shape[1] for frame in self.frames)

    @property
    def note(self) -> str:
        """What a user has to know of its file, one sentence; mostly there is nothing."""
        keep = self.picture.keep
        if not keep.left_out:
            return ""
        return f"{keep.source} has text that is too long to be carried, and was left out: {', '.join(keep.left_out)}."


def measure(item: Item, job: Job) -> Extent:
    """Return how much a picture is, with all its frames, by what its header says.

    Raises:
        ImageError: If it cannot be decoded, or is too large, or too large for the memory there is.
    """
    _check_unchanged(item)
    extent = measure_file(item.input, job.wanted, job.max_pixels)
    if extent.memory > job.memory:
        raise ImageError(
            f"{item.input} takes {in_words(extent.memory)} of memory to be read and written, "
            f"and {in_words(job.memory)} may be taken; more --memory would help."
        )
    return extent


def read(item: Item, job: Job) -> Prepared:
    """Decode and prepare one picture.

    Raises:
        ImageError: If it cannot be decoded, is too large, or is not the file that was planned for any more.
    """
    _check_unchanged(item)
    deep = is_deep(item.format, job.wanted)
    pictures = decode_frames(item.input, job.max_pixels, first_only=job.wanted.first_frame, deep=deep)
    _check_unchanged(item)
    first, *others = [prepare(picture, job) for picture in pictures]
    return replace(first, others=tuple(others))


def prepare(picture: Picture, job: Job) -> Prepared:
    """Prepare a picture that is decoded already.

    Raises:
        ImageError: If it is too large.
    """
    height, width = picture.pixels.shape[:2]
    size = working_size(width, height, job.size)
    if size[0] * size[1] > job.max_working_pixels:
        fits = int(min(1.0, (job.max_working_pixels / (size[0] * size[1])) ** 0.5) * max(size))
        raise ImageError(
            f"{picture.keep.source} has {width}x{height} pixels, too many for the network in the memory here; "
            f"--size {fits // 64 * 64 or fits} would fit."
        )
    return Prepared(picture, shrink(picture.pixels, size), upsample=job.upsample, strength=job.strength)


def padded(prepared: Prepared, job: Job) -> Pixels:
    """Return what goes into the network, (H, W, 3) with sides that it can take."""
    return pad(prepared.small, job.multiple, job.smallest)


def compute(session: Session, pictures: Sequence[Pixels]) -> list[Pixels | Exception]:
    """Translate pictures of one size; one that cannot be computed gives its exception and harms no other.

    Raises:
        MemoryError: If several do not fit into memory together; fewer may.
        PluginHungError: If what computes them does not answer.
    """
    try:
        # A large picture comes alone, and is not copied; PyTorch minds what must not be written to.
        alone = len(pictures) == 1 and pictures[0].flags.writeable
        batch = pictures[0][None] if alone else np.stack(pictures)
        return list(session.run(batch))
    except PluginHungError:
        raise
    except Exception as error:
        if len(pictures) == 1:
            return [error]
        if isinstance(error, MemoryError):
            raise
    half = len(pictures) // 2
    return compute(session, pictures[:half]) + compute(session, pictures[half:])


def write(
    prepared: Prepared,
    translated: Sequence[Pixels],
    path: Path,
    wanted: Wanted = Wanted(),  # noqa: B008
    *,
    durably: bool = True,
) -> None:
    """Undo the preparation and write the translation to ``path``.

    Args:
        prepared: The picture.
        translated: What the network made of each of its frames.
        path: The file to write.
        wanted: How it is written.
        durably: Whether the file is on the disk when this returns; else whoever calls sees to it.

    Raises:
        ImageError: If it cannot be encoded.
        OSError: If it cannot be written.
    """
    frames = [finish(frame, pixels) for frame, pixels in zip(prepared.frames, translated, strict=True)]
    encode_frames(frames, path, wanted)
    if durably:
        fsync_file(path)


def finish(prepared: Prepared, translated: Pixels) -> Picture:
    """Return the translation of a picture, or of a frame of one, of which the network made ``translated``."""
    picture, small = prepared.picture, prepared.small
    pixels = translated[: small.shape[0], : small.shape[1]]
    if small.shape != picture.pixels.shape:
        pixels = add_change(picture.pixels, small, pixels, prepared.upsample, prepared.strength)
    elif prepared.strength != 1:
        pixels = take(picture.pixels, pixels, prepared.strength)
    return replace(picture, pixels=pixels)


def _check_unchanged(item: Item) -> None:
    try:
        status = item.input.stat()
    except OSError as error:
        raise ImageError(f"{item.input} cannot be read: {error.strerror}.") from error
    if (status.st_size, status.st_mtime_ns) != (item.size, item.mtime_ns):
        raise ImageError(f"{item.input} changed while it was being worked on.")
