"""Triton's kernels: instance normalisation of maps that lie pixel by pixel, with all that stands around it.

A map is (N, height, width, channels) in memory. Sums are taken in float32, in an order that depends on nothing but the
map's size, so that the same picture gives the same bytes.
"""

# mypy: ignore-errors
# It is Triton's language, not Python's.

import triton
import triton.language as tl


@triton.jit
def _place(n, row, column, channel, height, width, channels, PHASED: tl.constexpr):
    """Return where a pixel of a map lies, counted in numbers from its beginning.

    A phased map (1) is four of a quarter of its size, beside one another in the channels; a moved one (2) is the same,
    and they are moved against each other. See :class:`imgtrans.cuda.normalising.Held`.
    """
    if PHASED == 1:
        phase = 2 * (row % 2) + column % 2
        return (((n * (height // 2) + row // 2) * (width // 2) + column // 2) * 4 + phase) * channels + channel
    if PHASED == 2:
        down, right = row % 2, column % 2
        pixel = (n * (height // 2 + 1) + row // 2 + down) * (width // 2 + 1) + column // 2 + right
        return (pixel * 4 + 2 * down + right) * channels + channel
    return ((n * height + row) * width + column) * channels + channel


@triton.jit(do_not_specialize=["height", "width", "each"])
def sums(
    given,
    partial,
    counter,
    weight,
    bias,
    affine,
    height,
    width,
    channels,
    each,
    epsilon,
    LEARNT: tl.constexpr,
    MOVED: tl.constexpr,
    PIXELS: tl.constexpr,
    CHANNELS: tl.constexpr,
    PARTS: tl.constexpr,
):
    """Make of a map what each channel is multiplied with, and what is added then, so that it is normalised.

    Each program takes sums over a part of a picture's pixels. The last of those that are at the same channels makes of
    all their sums what is wanted, in an order that does not depend on which of them it is.

    Grid: (parts, groups of CHANNELS channels, N).

    Args:
        given: The map; if it is phased, but not moved, it lies like one that is not.
        partial: (N, parts, 2, channels), float32, is filled: sums, and sums of squares, of what is above the first
            pixel's value.
        counter: (N, groups), int32: zeros, which are zeros again afterwards.
        weight: Learnt scale, (channels), float32; not read unless LEARNT.
        bias: Learnt shift, the same.
        affine: (N, 2, channels), float32, is filled.
        height: Of the map.
        width: Of the map.
        channels: Of the map.
        each: Pixels of a part, a multiple of PIXELS.
        epsilon: Added to the variance.
        LEARNT: Whether there are weight and bias.
        MOVED: Whether the map is phased and moved; see :func:`_place`.
        PIXELS: Pixels that are read at a time.
        CHANNELS: Channels that are read at a time.
        PARTS: Parts that are read at a time.
    """
    part, group, n = tl.program_id(0), tl.program_id(1), tl.program_id(2).to(tl.int64)
    parts = tl.num_programs(0)
    channel = group * CHANNELS + tl.arange(0, CHANNELS)
    there = channel < channels
    # Of numbers far from zero squares would lose what tells them apart. The first pixel is never moved.
    origin = tl.load(given + _place(n, 0, 0, channel, height, width, channels, 2 * MOVED), mask=there, other=0.0)
    origin = origin.to(tl.float32)
    first = tl.zeros((PIXELS, CHANNELS), tl.float32)
    second = tl.zeros((PIXELS, CHANNELS), tl.float32)
    for start in range(part * each, part * each + each, PIXELS):
        pixel = start + tl.arange(0, PIXELS)
        mask = (pixel < height * width)[:, None] & there[None, :]
        if MOVED:
            row, column = pixel // width, pixel % width
        else:
            row, column = 0 * pixel, pixel  # which is the same place, without a division
        place = _place(n, row[:, None], column[:, None], channel[None, :], height, width, channels, 2 * MOVED)
        value = tl.load(given + place, mask=mask, other=0.0).to(tl.float32)
        value = tl.where(mask, value - origin[None, :], 0.0)
        first += value
        second += value * value
    into = partial + (n * parts + part) * 2 * channels + channel
    tl.store(into, tl.sum(first, axis=0), mask=there)
    tl.store(into + channels, tl.sum(second, axis=0), mask=there)
    # What all threads have stored is there for whoever sees the count: a barrier, then a release by one of them.
    tl.debug_barrier()
    ticket = tl.atomic_add(counter + n * tl.num_programs(1) + group, 1, sem="acq_rel", scope="gpu")
    if ticket == parts - 1:
        tl.store(counter + n * tl.num_programs(1) + group, 0)
        total = tl.zeros((PARTS, CHANNELS), tl.float32)
        squares = tl.zeros((PARTS, CHANNELS), tl.float32)
        for start in range(0, parts, PARTS):
            one = start + tl.arange(0, PARTS)
            mask = (one < parts)[:, None] & there[None, :]
            place = partial + (n * parts + one)[:, None] * 2 * channels + channel[None, :]
            # Not from this processor's own cache, which knows nothing of what others wrote.
            total += tl.load(place, mask=mask, other=0.0, cache_modifier=".cg")
            squares += tl.load(place + channels, mask=mask, other=0.0, cache_modifier=".cg")
        count = (height * width).to(tl.float32)
        above = tl.sum(total, axis=0) / count
        variance = tl.maximum(tl.sum(squares, axis=0) / count - above * above, 0.0)
        scale = 1.0 / tl.sqrt(variance + epsilon)
        if LEARNT:
            scale *= tl.load(weight + channel, mask=there, other=0.0)
        shift = -(above + origin) * scale
        if LEARNT:
            shift += tl.load(bias + channel, mask=there, other=0.0)
        made = affine + n * 2 * channels + channel
        tl.store(made, scale, mask=there)
        tl.store(made + channels, shift, mask=there)


@triton.jit(
    do_not_specialize=["height", "width", "before_height", "before_width", "top", "left", "out_height", "out_width"]
)
def apply(
    given,
    affine,
    before,
    made,
    height,
    width,
    channels,
    before_height,
    before_width,
    top,
    left,
    out_height,
    out_width,
    ADDED: tl.constexpr,
    RELU: tl.constexpr,
    REFLECTED: tl.constexpr,
    PHASED: tl.constexpr,
    PIXELS: tl.constexpr,
    CHANNELS: tl.constexpr,
):
    """Normalise a map, add another, keep what is above zero, and pad the result.

    Grid: (groups of PIXELS pixels of the padded map, groups of CHANNELS channels, N).

    Args:
        given: The map.
        affine: What :func:`sums` made.
        before: The first pixel of what is added, within a map that may be padded; not read unless ADDED.
        made: (N, out_height, out_width, channels), is filled.
        height: Of the map.
        width: Of the map.
        channels: Of the map.
        before_height: Of the whole map that is added.
        before_width: Of it.
        top: Rows of padding above.
        left: Columns of padding before.
        out_height: Rows of the padded map.
        out_width: Columns of the padded map.
        ADDED: Whether there is ``before``.
        RELU: Whether only what is above zero is kept.
        REFLECTED: Whether padding mirrors; else it repeats the edge.
        PHASED: See :func:`_place`.
        PIXELS: Pixels at a time.
        CHANNELS: Channels at a time.
    """
    n = tl.program_id(2).to(tl.int64)
    pixel = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    there = channel < channels
    mask = (pixel < out_height * out_width)[:, None] & there[None, :]
    row, column = pixel // out_width - top, pixel % out_width - left
    if REFLECTED:
        row, column = tl.abs(row), tl.abs(column)
        row = tl.minimum(row, 2 * (height - 1) - row)
        column = tl.minimum(column, 2 * (width - 1) - column)
    row = tl.minimum(tl.maximum(row, 0), height - 1)[:, None]
    column = tl.minimum(tl.maximum(column, 0), width - 1)[:, None]
    place = _place(n, row, column, channel[None, :], height, width, channels, PHASED)
    scale = tl.load(affine + n * 2 * channels + channel, mask=there, other=0.0)
    shift = tl.load(affine + (n * 2 + 1) * channels + channel, mask=there, other=0.0)
    value = tl.load(given + place, mask=mask, other=0.0).to(tl.float32) * scale[None, :] + shift[None, :]
    if ADDED:
        other = _place(n, row, column, channel[None, :], before_height, before_width, channels, 0)
        value += tl.load(before + other, mask=mask, other=0.0).to(tl.float32)
    if RELU:
        value = tl.maximum(value, 0.0)
    into = (n * out_height * out_width + pixel[:, None]) * channels + channel[None, :]
    tl.store(made + into, value.to(made.dtype.element_ty), mask=mask)
