"""What a run would take: sizes, batches, memory and time, from headers, a few pictures and a moment of the model."""

import heapq
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from imgtrans.batch.engine import Engine
from imgtrans.errors import ImageError
from imgtrans.executors.given import Given
from imgtrans.executors.local import LocalExecutor
from imgtrans.images.formats import open_image
from imgtrans.images.frames import count_frames
from imgtrans.images.measure import memory_of
from imgtrans.images.resample import padded_side, working_size
from imgtrans.memory import WORKER_BYTES, resident_memory
from imgtrans.protocols import Item, Pixels, Ready, Wanted

TRIED = 4  # of so many parts of the work one is tried out, at most
CODEC_SECONDS_PER_PIXEL = 1e-7  # of one core, for reading and writing, where too few pictures are to be done to try
LARGEST = 64  # pictures of which the memory is remembered
HELD_BY_EACH = 2  # pictures in the hands of each worker
SAMPLE = 6  # pictures that are read and written to see how long that takes
PROBE = 1024 * 768  # pixels of the picture that the model is timed with, at most
LARGEST_SAMPLED = 50_000_000  # pixels: larger ones would take long


@dataclass(frozen=True)
class Size:
    """Pictures of one size.

    Attributes:
        width: In pixels.
        height: In pixels.
        count: How many there are.
        seen: (width, height) at which the network sees them.
        batch: How many of them are computed together; 0 if each is streamed.
        too_large: Whether they will fail, as the network cannot be streamed and they do not fit whole.
    """

    width: int
    height: int
    count: int
    seen: tuple[int, int]
    batch: int
    too_large: bool


@dataclass(frozen=True)
class Costs:
    """What a run would take.

    Attributes:
        memory: Bytes of main memory at most, all processes together.
        network_memory: Bytes that the network takes at most, in main memory or the device's own.
        pictures_memory: Bytes that pictures take besides, at most.
        start_seconds: Until the first picture is begun.
        model_seconds: For the network, on all devices.
        codec_seconds: For reading and writing, in all worker processes.
        seconds: For all of it.
    """

    memory: int
    network_memory: int
    pictures_memory: int
    start_seconds: float
    model_seconds: float
    codec_seconds: float
    seconds: float


class Forecast:
    """Looks at the headers of the pictures of a run, and then works it out.

    It never takes as long as the run: a quarter of the work is tried out at most.

    Args:
        wanted: How outputs are written.

    Attributes:
        unreadable: How many will fail, as even their header shows.
        unseen: How many were not looked at, and are taken to be like the others.
    """

    def __init__(self, wanted: Wanted) -> None:
        self.unreadable = 0
        self.unseen = 0
        self._wanted = wanted
        self._sizes: Counter[tuple[int, int]] = Counter()
        self._bytes = 0
        self._pixels = 0
        self._largest: list[int] = []  # bytes that the largest pictures take, a heap
        self._sample: list[Item] = []
        self._draw = random.Random(0)  # the same pictures each time

    def add(self, item: Item) -> tuple[int, int] | None:
        """Look at a picture; return (width, height) as the file has it, None if it cannot be read."""
        try:
            with open_image(item.input) as image:
                size, kind = image.size, str(image.format)
                pixels = size[0] * size[1] if self._wanted.first_frame else count_frames(image)[1]
        except ImageError:
            self.unreadable += 1
            return None
        self._sizes[size] += 1
        self._bytes += item.size
        self._pixels += pixels
        heapq.heappush(self._largest, memory_of(kind, pixels, self._wanted))
        if len(self._largest) > LARGEST:
            heapq.heappop(self._largest)
        count = self._sizes.total()
        if size[0] * size[1] <= LARGEST_SAMPLED:
            if len(self._sample) < SAMPLE:
                self._sample.append(item)
            elif (place := self._draw.randrange(count)) < SAMPLE:  # each picture is as likely to be in it as any other
                self._sample[place] = item
        return size

    @property
    def _of_each(self) -> float:
        """How many pictures each that was looked at stands for."""
        return 1 + self.unseen / max(1, self._sizes.total())

    def sizes(self, engine: Engine) -> Iterator[Size]:
        """Yield the sizes of the pictures, the most frequent first."""
        for (width, height), count in self._sizes.most_common():
            across, down = self._seen(width, height, engine)
            fits = max(1, engine.batch_pixels // (across * down))
            batch = min(engine.batch_size, fits) if across * down <= engine.whole_pixels else 0
            too_large = across * down > engine.job.max_working_pixels
            yield Size(width, height, count, (across, down), min(batch, count), too_large)

    def costs(self, engine: Engine, sizes: Sequence[Size], start_seconds: float) -> Costs:
        """Try out a little, and work out what all pictures of these sizes take.

        Args:
            engine: The model.
            sizes: The sizes of the pictures.
            start_seconds: That it took to open the engine.
        """
        pixels, network = 0, 0
        possible = [size for size in sizes if not size.too_large]
        for size in possible:
            seen = size.seen[0] * size.seen[1]
            pixels += seen * size.count
            network = max(network, engine.network_memory(seen, size.batch))
        usual = next(iter(possible), None)
        pixels = round(pixels * self._of_each)
        model = pixels * _seconds_per_pixel(engine, usual, pixels) / len(engine.sessions) if usual else 0.0
        codec = self._codec_seconds(engine) * self._of_each
        workers = min(engine.workers, max(1, self._sizes.total()))
        together = codec / workers
        # On a device of its own the model works while others read and write; on the CPU they share its cores.
        seconds = start_seconds + (max(model, together) if engine.on_device else model + together)
        pictures = min(engine.pictures_memory, sum(heapq.nlargest(HELD_BY_EACH * workers, self._largest)))
        memory = resident_memory() + workers * WORKER_BYTES + pictures + (0 if engine.on_device else network)
        return Costs(memory, network, pictures, start_seconds, model, codec, seconds)

    def _seen(self, width: int, height: int, engine: Engine) -> tuple[int, int]:
        job = engine.job
        across, down = working_size(width, height, job.size)
        return padded_side(across, job.multiple, job.smallest), padded_side(down, job.multiple, job.smallest)

    def _codec_seconds(self, engine: Engine) -> float:
        """Read and write a few pictures with a network that changes nothing, and go on from there by bytes."""
        sample = self._sample[: self._sizes.total() // TRIED]
        if not sample:  # to try would be to do all of it
            return self._pixels * CODEC_SECONDS_PER_PIXEL
        seconds, size = 0.0, 0
        with tempfile.TemporaryDirectory(prefix="imgtrans-") as folder:
            items = [replace(item, output=Path(folder, f"{n}")) for n, item in enumerate(sample)]
            ready = Ready([_Unchanged()], engine.job, 1, 1, 1, engine.pictures_memory)
            rehearsal = LocalExecutor(Given(ready))
            try:
                for outcomes in rehearsal.run(items):
                    for outcome in outcomes:
                        if outcome.temporary:
                            seconds += outcome.decode_seconds + outcome.encode_seconds
                            size += outcome.item.size
            finally:
                rehearsal.close()
        return seconds / size * self._bytes if size else 0.0


class _Unchanged:
    """A session whose network changes nothing."""

    def run(self, pictures: Pixels) -> Pixels:
        return pictures


def _seconds_per_pixel(engine: Engine, usual: Size, pixels: int) -> float:
    """Return the time that the first of the devices takes for one pixel of pictures of a size, or of a part of them.

    Args:
        engine: The model.
        usual: The size.
        pixels: Of all pictures, as the network sees them.
    """
    across, down = usual.seen
    # Twice: the first time takes memory, and chooses algorithms.
    most = min(PROBE, pixels // (2 * TRIED))
    down = min(down, max(engine.job.smallest, most // across // engine.job.multiple * engine.job.multiple))
    count = max(1, min(usual.batch, most // (across * down)))
    pictures = np.random.default_rng(0).integers(0, 256, (count, down, across, 3), np.uint8)
    took = []
    for _ in range(3 if engine.on_device else 2):  # and there, the second time is recorded
        started = time.perf_counter()
        engine.sessions[0].run(pictures)
        took.append(time.perf_counter() - started)
    return min(took) / pictures[..., 0].size
