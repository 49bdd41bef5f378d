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

    A phased map is four of a quarter of its size, beside one another in the channels and moved against each other; see
    :class:`imgtrans.cuda.stages.Phased`.
    """
    if PHASED:
        down, right = row % 2, column % 2
        pixel = (n * (height // 2 + 1) + row // 2 + down) * (width // 2 + 1) + column // 2 + right
        return (pixel * 4 + 2 * down + right) * channels + channel
    return ((n * height + row) * width + column) * channels + channel


@triton.jit(do_not_specialize=["height", "width", "each"])
def sums(
    given,
    partial,
    height,
    width,
    channels,
    each,
    PHASED: tl.constexpr,
    PIXELS: tl.constexpr,
    CHANNELS: tl.constexpr,
):
    """Take sums over a part of each channel of each picture.

    Grid: (parts, groups of CHANNELS channels, N).

    Args:
        given: The map.
        partial: (N, parts, 2, channels), float32: sums, and sums of squares, of what is above the first pixel's value.
        height: Of the map.
        width: Of the map.
        channels: Of the map.
        each: Pixels of a part, a multiple of PIXELS.
        PHASED: See :func:`_place`.
        PIXELS: Pixels that are read at a time.
        CHANNELS: Channels that are read at a time.
    """
    part, n = tl.program_id(0), tl.program_id(2).to(tl.int64)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    there = channel < channels
    # Of numbers far from zero squares would lose what tells them apart.
    origin = tl.load(given + _place(n, 0, 0, channel, height, width, channels, PHASED), mask=there, other=0.0)
    origin = origin.to(tl.float32)[None, :]
    first = tl.zeros((PIXELS, CHANNELS), tl.float32)
    second = tl.zeros((PIXELS, CHANNELS), tl.float32)
    for start in range(part * each, part * each + each, PIXELS):
        pixel = start + tl.arange(0, PIXELS)
        mask = (pixel < height * width)[:, None] & there[None, :]
        if PHASED:
            row, column = pixel // width, pixel % width
        else:
            row, column = 0 * pixel, pixel  # which is the same place, without a division
        place = _place(n, row[:, None], column[:, None], channel[None, :], height, width, channels, PHASED)
        value = tl.load(given + place, mask=mask, other=0.0).to(tl.float32)
        value = tl.where(mask, value - origin, 0.0)
        first += value
        second += value * value
    into = partial + (n * tl.num_programs(0) + part) * 2 * channels + channel
    tl.store(into, tl.sum(first, axis=0), mask=there)
    tl.store(into + channels, tl.sum(second, axis=0), mask=there)


@triton.jit(do_not_specialize=["height", "width", "parts"])
def terms(
    given,
    partial,
    weight,
    bias,
    affine,
    parts,
    height,
    width,
    channels,
    epsilon,
    LEARNT: tl.constexpr,
    PHASED: tl.constexpr,
    PARTS: tl.constexpr,
    CHANNELS: tl.constexpr,
):
    """Make of sums what each channel is multiplied with, and what is added then.

    Grid: (groups of CHANNELS channels, N).

    Args:
        given: The map.
        partial: What :func:`sums` took.
        weight: Learnt scale, (channels), float32; not read unless LEARNT.
        bias: Learnt shift, the same.
        affine: (N, 2, channels), float32, is filled.
        parts: Of the sums.
        height: Of the map.
        width: Of the map.
        channels: Of the map.
        epsilon: Added to the variance.
        LEARNT: Whether there are weight and bias.
        PHASED: See :func:`_place`.
        PARTS: Parts that are read at a time.
        CHANNELS: Channels that are read at a time.
    """
    n = tl.program_id(1).to(tl.int64)
    channel = tl.program_id(0) * CHANNELS + tl.arange(0, CHANNELS)
    there = channel < channels
    first = tl.zeros((PARTS, CHANNELS), tl.float32)
    second = tl.zeros((PARTS, CHANNELS), tl.float32)
    for start in range(0, parts, PARTS):
        part = start + tl.arange(0, PARTS)
        mask = (part < parts)[:, None] & there[None, :]
        place = partial + (n * parts + part)[:, None] * 2 * channels + channel[None, :]
        first += tl.load(place, mask=mask, other=0.0)
        second += tl.load(place + channels, mask=mask, other=0.0)
    count = (height * width).to(tl.float32)
    above = tl.sum(first, axis=0) / count
    variance = tl.maximum(tl.sum(second, axis=0) / count - above * above, 0.0)
    origin = tl.load(given + _place(n, 0, 0, channel, height, width, channels, PHASED), mask=there, other=0.0)
    scale = 1.0 / tl.sqrt(variance + epsilon)
    if LEARNT:
        scale *= tl.load(weight + channel, mask=there, other=0.0)
    shift = -(above + origin.to(tl.float32)) * scale
    if LEARNT:
        shift += tl.load(bias + channel, mask=there, other=0.0)
    into = affine + n * 2 * channels + channel
    tl.store(into, scale, mask=there)
    tl.store(into + channels, shift, mask=there)


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
        affine: What :func:`terms` made.
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
        other = _place(n, row, column, channel[None, :], before_height, before_width, channels, False)
        value += tl.load(before + other, mask=mask, other=0.0).to(tl.float32)
    if RELU:
        value = tl.maximum(value, 0.0)
    into = (n * out_height * out_width + pixel[:, None]) * channels + channel[None, :]
    tl.store(made + into, value.to(made.dtype.element_ty), mask=mask)
