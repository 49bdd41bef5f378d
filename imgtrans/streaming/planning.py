"""What streaming a picture takes: which maps are stored, how high the strips are, how much memory and disk."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from imgtrans.errors import ImageError
from imgtrans.memory import in_words
from imgtrans.streaming.program import Begin, End, Normalisation, Op
from imgtrans.streaming.stages import Shape
from imgtrans.streaming.steps import Step

# Where not all maps fit into memory, one larger than the trunk's is made anew if that costs less than this share of
# all the work; else all are stored, which is a tenth faster.
CHEAP = 0.1

# Strips of this size lose nothing to their edges, and still stay in the caches of a CPU between two operations.
STRIP_BYTES = 8 << 20
STRIP_BYTES_ON_DEVICE = 256 << 20
LOW_STRIP = 8  # rows; lower ones cost more than caches bring
SLOT_BYTES = 4 << 20
WORKING_SHARE = 0.4  # of the memory, at most, for the strips


@dataclass(frozen=True)
class Pass:
    """A part of the program that runs over the whole picture at once, strip by strip.

    Attributes:
        first: Index of the operation that it begins with.
        last: Index of the normalisation whose statistics it gathers; behind the last operation for the last pass.
        keep: Whether the maps that it reads are read again, since its own result is not stored.
        strip: Rows of its result that are made at a time.
        work: Its multiplications.
    """

    first: int
    last: int
    keep: bool
    strip: int
    work: float


@dataclass(frozen=True)
class Plan:
    """How a picture of one size is streamed, and what that takes.

    Attributes:
        shapes: Channels, height and width before each operation, and at the end.
        passes: In their order.
        slot: Bytes of a slot for stored rows.
        on_device: How many slots are on the device, if that is not the CPU.
        in_memory: How many are in main memory.
        on_disk: How many are in the scratch file.
        memory: Bytes of main memory that are taken, besides the weights and the picture itself.
        device_memory: Bytes of the device's memory, if that is not the CPU.
    """

    shapes: tuple[Shape, ...]
    passes: tuple[Pass, ...]
    slot: int
    on_device: int
    in_memory: int
    on_disk: int
    memory: int
    device_memory: int

    @property
    def scratch(self) -> int:
        """Bytes of the scratch file."""
        return self.on_disk * self.slot

    @property
    def work(self) -> float:
        """Multiplications in all."""
        return sum(part.work for part in self.passes)


def plan(
    program: Sequence[Op],
    shape: Shape,
    memory: int,
    device_memory: int | None,
    precision: torch.dtype,
    ahead: int = 0,
) -> Plan:
    """Decide how to stream a picture.

    Args:
        program: The network.
        shape: Channels, height and width of what goes in.
        memory: Bytes of main memory that may be taken.
        device_memory: Bytes of the device's memory that may be taken; None if the CPU computes.
        precision: Of the maps.
        ahead: Rows of a map that may be made before they are asked for, and read after they were used.

    Raises:
        ImageError: If strips of one row do not fit.
        ValueError: If the network does not take pictures so small.
    """
    shapes = _shapes(program, shape)
    with contextlib.suppress(ImageError):
        every = _planned(program, shapes, memory, device_memory, precision, ahead, cheap=0.0)
        if not every.on_disk and (device_memory is None or not every.in_memory):
            return every
    return _planned(program, shapes, memory, device_memory, precision, ahead, cheap=CHEAP)


def _planned(
    program: Sequence[Op],
    shapes: Sequence[Shape],
    memory: int,
    device_memory: int | None,
    precision: torch.dtype,
    ahead: int,
    cheap: float,
) -> Plan:
    """Return a plan in which maps are made anew where that costs less than a share of all the work; see `plan`."""
    item = precision.itemsize
    working = memory if device_memory is None else device_memory
    passes, taken = [], 0
    for part in _passes(program, shapes, cheap):
        most = STRIP_BYTES if device_memory is None else STRIP_BYTES_ON_DEVICE
        strip, needed = _strip(program, shapes, part, item, most, int(WORKING_SHARE * working))
        passes.append(replace(part, strip=strip))
        taken = max(taken, needed)
    slot, count = _slots(program, shapes, passes, item, working // 64, ahead)
    least = taken + (slot if device_memory is None else 0)
    if least > working:
        raise ImageError(
            f"a picture {shapes[0][2]} pixels wide needs {in_words(least)} to be streamed, "
            f"and {in_words(working)} may be taken; more --memory or a --size would help."
        )
    on_device = 0 if device_memory is None else min(count, (device_memory - taken) // slot)
    strips = taken if device_memory is None else slot  # in main memory
    in_memory = min(count - on_device, max(0, memory - strips) // slot)
    return Plan(
        shapes=tuple(shapes),
        passes=tuple(passes),
        slot=slot,
        on_device=on_device,
        in_memory=in_memory,
        on_disk=count - on_device - in_memory,
        memory=in_memory * slot + strips,
        device_memory=0 if device_memory is None else on_device * slot + taken,
    )


def heights(program: Sequence[Op], shapes: Sequence[Shape], part: Pass) -> list[int]:
    """Return for each operation of a pass how many rows of its input make one strip of the result, edges apart."""
    rows = [part.strip]
    for at in range(part.last - 1, part.first - 1, -1):
        rows.append(max(1, min(shapes[at][1], -(-rows[-1] * shapes[at][1] // shapes[at + 1][1]))))
    return rows[:0:-1]


def _shapes(program: Sequence[Op], shape: Shape) -> list[Shape]:
    shapes = [shape]
    for op in program:
        channels, height, width = shapes[-1]
        if isinstance(op, Step):
            if min(height, width) < op.padding.least():
                raise ValueError(f"{shape[2]}x{shape[1]} pixels are too few for this network")
            shapes.append((op.channels or channels, *op.size(height, width)))
        else:
            shapes.append(shapes[-1])
    return shapes


def _passes(program: Sequence[Op], shapes: Sequence[Shape], cheap: float) -> list[Pass]:
    """Return the passes: one to each normalisation and one to the end, each from the map that was stored last."""

    def work(first: int, last: int) -> float:
        return sum(
            op.work(shapes[at][0]) * shapes[at + 1][1] * shapes[at + 1][2]
            for at, op in enumerate(program[first:last], first)
            if isinstance(op, Step)
        )

    whole = work(0, len(program))
    norms = [at for at, op in enumerate(program) if isinstance(op, Normalisation)]
    blocks = _within(program)
    sizes = {at: _size(shapes[at]) for at in norms}
    within = [sizes[at] + sum(_size(shapes[begin]) for begin in blocks[at]) for at in norms if blocks[at]]
    floor = max(within, default=min(sizes.values(), default=0))
    passes, first = [], 0
    for at in norms:
        stored = bool(blocks[at]) or sizes[at] <= floor or work(first, at) > cheap * whole
        passes.append(Pass(first, at, not stored, 0, work(first, at)))
        first = at if stored else first
    return [*passes, Pass(first, len(program), False, 0, work(first, len(program)))]


def _within(program: Sequence[Op]) -> list[tuple[int, ...]]:
    """Return for each operation where the blocks begin that it is in."""
    found: list[tuple[int, ...]] = []
    open_blocks: list[int] = []
    for at, op in enumerate(program):
        if isinstance(op, End):
            open_blocks.pop()
        found.append(tuple(open_blocks))
        if isinstance(op, Begin):
            open_blocks.append(at)
    return [*found, ()]


def _size(shape: Shape) -> int:
    return shape[0] * shape[1] * shape[2]


def _slots(
    program: Sequence[Op], shapes: Sequence[Shape], passes: Sequence[Pass], item: int, limit: int, ahead: int
) -> tuple[int, int]:
    """Return bytes of a slot, and the most slots that are taken at a time."""
    blocks = _within(program)
    states: list[list[Shape]] = [[]]  # the maps that are stored behind each pass
    for part in passes:
        kept = [shapes[part.last], *(shapes[begin] for begin in blocks[part.last])]
        states.append(states[-1] if part.keep else kept if part.last < len(program) else [])
    rows = {channels * width * item for state in states for channels, _, width in state}
    if not rows:
        return 64, 0
    whole = max(_size(shape) * item for state in states for shape in state)
    least = max(min(SLOT_BYTES, limit, whole // 16), *rows)  # small against memory and maps, but a row at least

    def count(slot: int) -> int:
        most = 0
        for part, before, after in zip(passes, states[:-1], states[1:], strict=True):
            # What is read is freed a strip later, once it is used; and each map has a slot that is not full yet.
            high = heights(program, shapes, part)[0] if part.last > part.first else part.strip
            read = [(channels, -(-high * h // shapes[part.first][1]), width) for channels, h, width in before]
            lag = sum(_in_slots(shape, slot, item) + 1 for shape in read)
            now = max(sum(_in_slots(shape, slot, item) for shape in state) for state in (before, after))
            more = [(channels, ahead, width) for channels, _, width in (*before, *after)] if ahead else []
            most = max(most, now + lag + len(after) + sum(_in_slots(shape, slot, item) for shape in more))
        return most

    # Rows that do not fill a slot waste it, so it is of a size that they fill.
    fitting = {-(-least // row) * row for row in rows} | {-(-2 * least // row) * row for row in rows}
    slot = min((-(-size // 64) * 64 for size in fitting), key=lambda slot: (slot * count(slot), slot))
    return slot, count(slot)


def _in_slots(shape: Shape, slot: int, item: int) -> int:
    """Return how many slots a map takes."""
    channels, height, width = shape
    return -(-height // (slot // (channels * width * item)))


def _strip(
    program: Sequence[Op], shapes: Sequence[Shape], part: Pass, item: int, most: int, limit: int
) -> tuple[int, int]:
    """Return how many rows of a pass's result to make at a time, and the bytes that this takes.

    Args:
        program: The network.
        shapes: Before each operation.
        part: The pass.
        item: Bytes of a value.
        most: Bytes of one map's strip at which higher strips bring nothing.
        limit: Bytes that all strips together should not exceed; those of one row may.
    """
    strip = shapes[part.last][1]
    while True:
        rows = [*heights(program, shapes, replace(part, strip=strip)), strip]
        maps = [channels * width * item for channels, _, width in shapes[part.first : part.last + 1]]
        strips = [n * row for n, row in zip(rows, maps, strict=True)]
        needed = _working(program, part, rows, maps)
        if strip == 1 or ((strip <= LOW_STRIP or max(strips) <= most) and needed <= limit):
            return strip, needed
        strip = -(-strip // 2)
        strip -= strip % 4 if strip > 4 else 0  # so that what is halved and doubled on the way comes out even


def _working(program: Sequence[Op], part: Pass, rows: Sequence[int], maps: Sequence[int]) -> int:
    """Return bytes that the strips of a pass take together; ``rows`` and ``maps`` (bytes of a row) as they follow."""
    held, largest = 0, max(3 * n * row for n, row in zip(rows, maps, strict=True))
    waiting: list[int] = []
    for at, op in enumerate(program[part.first : part.last]):
        if isinstance(op, Begin):
            waiting.append(at)
        elif isinstance(op, End) and waiting:
            begin = waiting.pop()
            reach = sum(op.span(1) - 1 for op in program[part.first + begin : part.first + at] if isinstance(op, Step))
            held += (2 * rows[at] + reach) * maps[begin]
        elif isinstance(op, Step):
            held += (op.span(1) + 1) * maps[at]
            # What came, the same padded, and both again in the layout that the convolution likes better.
            largest = max(largest, 3 * op.span(rows[at + 1]) * maps[at] + 3 * rows[at + 1] * maps[at + 1])
    return held + largest
