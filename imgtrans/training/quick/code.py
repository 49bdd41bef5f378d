"""Triton's kernels for training: instance normalisation with what stands around it, forwards.

A map is (N, height, width, channels) in memory, or four maps of half its height and width beside one another in the
channels, one for each pixel of squares of 2 x 2: "phased". Kinds of maps:

0. pixel by pixel;
1. phased;
2. phased, those of odd rows one row further down, those of odd columns one column further right.

Sums are taken in float32, in an order that depends on nothing but the map's size: a step gives the same bits again.
"""

# mypy: ignore-errors
# It is Triton's language, not Python's.

import triton
import triton.language as tl


@triton.jit
def place_of(n, row, column, channel, height, width, channels, KIND: tl.constexpr):
    """Return where a pixel of a map lies, counted in numbers from its beginning."""
    if KIND == 0:
        return ((n * height + row) * width + column) * channels + channel
    down, right = row % 2, column % 2
    if KIND == 1:
        pixel = (n * (height // 2) + row // 2) * (width // 2) + column // 2
    else:
        pixel = (n * (height // 2 + 1) + row // 2 + down) * (width // 2 + 1) + column // 2 + right
    return (pixel * 4 + 2 * down + right) * channels + channel


@triton.jit
def _reflected(at, length):
    """Return which row (or column) stands where one is asked for that may be outside."""
    at = tl.abs(at)
    return tl.minimum(at, 2 * (length - 1) - at)


@triton.jit
def spike_of(z, usual):
    """Return by how much a value is beyond the usual, with its sign."""
    excess = tl.maximum(tl.abs(z) - usual, 0.0)
    return tl.where(z < 0, -excess, excess)


@triton.jit(do_not_specialize=["height", "width", "each"])
def moments(
    given, partial, height, width, channels, each,
    KIND: tl.constexpr, PIXELS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """Take sums, and sums of squares, over a part of each channel of each picture.

    Grid: (parts, groups of CHANNELS channels, N).

    Args:
        given: The map.
        partial: (N, parts, 2, channels), float32, is filled: of what is above the first pixel's value.
        height: Of the map.
        width: Of the map.
        channels: Of the map.
        each: Pixels of a part, a multiple of PIXELS.
        KIND: Of the map; see the module.
        PIXELS: Pixels that are read at a time.
        CHANNELS: Channels that are read at a time.
    """
    part, n = tl.program_id(0), tl.program_id(2).to(tl.int64)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    there = channel < channels
    origin = tl.load(given + place_of(n, 0, 0, channel, height, width, channels, KIND), mask=there, other=0.0)
    origin = origin.to(tl.float32)[None, :]
    first = tl.zeros((PIXELS, CHANNELS), tl.float32)
    second = tl.zeros((PIXELS, CHANNELS), tl.float32)
    for start in range(part * each, part * each + each, PIXELS):
        pixel = start + tl.arange(0, PIXELS)
        mask = (pixel < height * width)[:, None] & there[None, :]
        row, column = (pixel // width)[:, None], (pixel % width)[:, None]
        place = place_of(n, row, column, channel[None, :], height, width, channels, KIND)
        value = tl.load(given + place, mask=mask, other=0.0).to(tl.float32)
        value = tl.where(mask, value - origin, 0.0)
        first += value
        second += value * value
    into = partial + (n * tl.num_programs(0) + part) * 2 * channels + channel
    tl.store(into, tl.sum(first, axis=0), mask=there)
    tl.store(into + channels, tl.sum(second, axis=0), mask=there)


@triton.jit(do_not_specialize=["height", "width", "parts"])
def settle(
    given, partial, settled, parts, height, width, channels, epsilon,
    WHAT: tl.constexpr, KIND: tl.constexpr, PARTS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """Make two numbers for each channel of each picture of the sums that were taken of its parts.

    Grid: (groups of CHANNELS channels, N).

    Args:
        given: The map; read only for its first pixel, and not for means.
        partial: (N, parts, 2, channels).
        settled: (N, 2, channels), float32, is filled.
        parts: Of the sums.
        height: Of the map.
        width: Of the map.
        channels: Of the map.
        epsilon: Added to the variance, or to the deviation.
        WHAT: 0: mean and one over the deviation, epsilon under the root; 1: beside it; 2: the mean of either sum.
        KIND: Of the map.
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
    one, other = tl.sum(first, axis=0) / count, tl.sum(second, axis=0) / count
    if WHAT < 2:
        variance = tl.maximum(other - one * one, 0.0)
        other = 1.0 / tl.sqrt(variance + epsilon) if WHAT == 0 else 1.0 / (tl.sqrt(variance) + epsilon)
        origin = tl.load(given + place_of(n, 0, 0, channel, height, width, channels, KIND), mask=there, other=0.0)
        one += origin.to(tl.float32)
    into = settled + n * 2 * channels + channel
    tl.store(into, one, mask=there)
    tl.store(into + channels, other, mask=there)


@triton.jit(do_not_specialize=["height", "width"])
def forward(
    given, settled, before, made, height, width, channels, slope,
    NORMED: tl.constexpr, BENT: tl.constexpr, ADDED: tl.constexpr, PADDING: tl.constexpr,
    KIND: tl.constexpr, MADE: tl.constexpr, PIXELS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """Normalise a map, bend it at zero, add another, and reflect its edges.

    Grid: (groups of PIXELS pixels of the padded map, groups of CHANNELS channels, N).

    Args:
        given: The map.
        settled: What :func:`settle` made; not read unless NORMED.
        before: The map that is added, of kind 0; not read unless ADDED.
        made: The padded map, is filled.
        height: Of the map.
        width: Of the map.
        channels: Of the map.
        slope: Of what is below zero.
        NORMED: Whether it is normalised.
        BENT: Whether what is below zero has another slope.
        ADDED: Whether there is ``before``.
        PADDING: Rows and columns that are added on each side.
        KIND: Of the map.
        MADE: The kind of the padded map.
        PIXELS: Pixels at a time.
        CHANNELS: Channels at a time.
    """
    n = tl.program_id(2).to(tl.int64)
    pixel = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    there = channel < channels
    tall, wide = height + 2 * PADDING, width + 2 * PADDING
    mask = (pixel < tall * wide)[:, None] & there[None, :]
    out_row, out_column = pixel // wide, pixel % wide
    row, column = (out_row - PADDING)[:, None], (out_column - PADDING)[:, None]
    if PADDING > 0:
        row, column = _reflected(row, height), _reflected(column, width)
    place = place_of(n, row, column, channel[None, :], height, width, channels, KIND)
    value = tl.load(given + place, mask=mask, other=0.0).to(tl.float32)
    if NORMED:
        mean = tl.load(settled + n * 2 * channels + channel, mask=there, other=0.0)
        scale = tl.load(settled + (n * 2 + 1) * channels + channel, mask=there, other=0.0)
        value = (value - mean[None, :]) * scale[None, :]
    if BENT:
        value = tl.where(value > 0, value, value * slope)
    if ADDED:
        other = place_of(n, row, column, channel[None, :], height, width, channels, 0)
        value += tl.load(before + other, mask=mask, other=0.0).to(tl.float32)
    into = place_of(n, out_row[:, None], out_column[:, None], channel[None, :], tall, wide, channels, MADE)
    tl.store(made + into, value.to(made.dtype.element_ty), mask=mask)


@triton.jit(do_not_specialize=["height", "width", "each"])
def excess(
    given, settled, partial, height, width, channels, each, usual,
    PIXELS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """Take sums of the squares of what normalised values are beyond the usual, over a part of each channel.

    Grid: (parts, groups of CHANNELS channels, N).

    Args:
        given: A map of kind 0.
        settled: What :func:`settle` made of it.
        partial: (N, parts, channels), float32, is filled.
        height: Of the map.
        width: Of the map.
        channels: Of the map.
        each: Pixels of a part, a multiple of PIXELS.
        usual: How far from zero a value may be.
        PIXELS: Pixels at a time.
        CHANNELS: Channels at a time.
    """
    part, n = tl.program_id(0), tl.program_id(2).to(tl.int64)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    there = channel < channels
    mean = tl.load(settled + n * 2 * channels + channel, mask=there, other=0.0)[None, :]
    scale = tl.load(settled + (n * 2 + 1) * channels + channel, mask=there, other=0.0)[None, :]
    total = tl.zeros((PIXELS, CHANNELS), tl.float32)
    for start in range(part * each, part * each + each, PIXELS):
        pixel = start + tl.arange(0, PIXELS)
        mask = (pixel < height * width)[:, None] & there[None, :]
        place = (n * height * width + pixel[:, None]) * channels + channel[None, :]
        z = (tl.load(given + place, mask=mask, other=0.0).to(tl.float32) - mean) * scale
        beyond = tl.where(mask, spike_of(z, usual), 0.0)
        total += beyond * beyond
    tl.store(partial + (n * tl.num_programs(0) + part) * channels + channel, tl.sum(total, axis=0), mask=there)
