"""Triton's kernels for training, the way back: the gradient of a map from that of what was made of it.

Maps and arguments are those of :mod:`imgtrans.training.quick.code`.
"""

# mypy: ignore-errors
# It is Triton's language, not Python's.

import triton
import triton.language as tl

from imgtrans.training.quick.code import place_of, spike_of


@triton.jit
def _copy_of(at, length, which: tl.constexpr, PADDING: tl.constexpr):
    """Return where in the padded map a row stands: itself, mirrored at the beginning, or at the end; and whether."""
    if which == 0:
        return at + PADDING, at >= 0
    if which == 1:
        return PADDING - at, (at >= 1) & (at <= PADDING)
    return PADDING + 2 * (length - 1) - at, (at >= length - 1 - PADDING) & (at <= length - 2)


@triton.jit
def _gradient(
    gradient, n, row, column, channel, mask, height, width, channels, PADDING: tl.constexpr, KIND: tl.constexpr
):
    """Return the gradient of pixels before padding: the sum over all their copies in the padded map."""
    tall, wide = height + 2 * PADDING, width + 2 * PADDING
    place = place_of(n, row + PADDING, column + PADDING, channel, tall, wide, channels, KIND)
    total = tl.load(gradient + place, mask=mask, other=0.0).to(tl.float32)
    if PADDING > 0:
        for vertical in tl.static_range(3):
            for horizontal in tl.static_range(3):
                if vertical + horizontal > 0:
                    r, down = _copy_of(row, height, vertical, PADDING)
                    c, right = _copy_of(column, width, horizontal, PADDING)
                    place = place_of(n, r, c, channel, tall, wide, channels, KIND)
                    total += tl.load(gradient + place, mask=mask & down & right, other=0.0).to(tl.float32)
    return total


@triton.jit(do_not_specialize=["height", "width", "each"])
def back_moments(
    gradient, given, settled, partial, height, width, channels, each, slope,
    BENT: tl.constexpr, SPIKES: tl.constexpr, PADDING: tl.constexpr,
    KIND: tl.constexpr, MADE: tl.constexpr, PIXELS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """Take sums of the gradient of normalised values, and of that times these, over a part of each channel.

    Grid: (parts, groups of CHANNELS channels, N).

    Args:
        gradient: Of the padded map; where SPIKES, one number that multiplies the gradients of what is too far.
        given: The map.
        settled: What :func:`settle` made.
        partial: (N, parts, 2, channels), float32, is filled.
        height: Of the map.
        width: Of the map.
        channels: Of the map.
        each: Pixels of a part.
        slope: Of what is below zero; where SPIKES, how far from zero a value may be.
        BENT: As forward.
        SPIKES: Whether the gradient is that of a penalty on what is far from zero; see :func:`excess`.
        PADDING: As forward.
        KIND: Of the map.
        MADE: The kind of the padded map.
        PIXELS: Pixels at a time.
        CHANNELS: Channels at a time.
    """
    part, n = tl.program_id(0), tl.program_id(2).to(tl.int64)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    there = channel < channels
    mean = tl.load(settled + n * 2 * channels + channel, mask=there, other=0.0)[None, :]
    scale = tl.load(settled + (n * 2 + 1) * channels + channel, mask=there, other=0.0)[None, :]
    first = tl.zeros((PIXELS, CHANNELS), tl.float32)
    second = tl.zeros((PIXELS, CHANNELS), tl.float32)
    for start in range(part * each, part * each + each, PIXELS):
        pixel = start + tl.arange(0, PIXELS)
        mask = (pixel < height * width)[:, None] & there[None, :]
        row, column = (pixel // width)[:, None], (pixel % width)[:, None]
        place = place_of(n, row, column, channel[None, :], height, width, channels, KIND)
        z = (tl.load(given + place, mask=mask, other=0.0).to(tl.float32) - mean) * scale
        if SPIKES:
            g = tl.where(mask, spike_of(z, slope), 0.0) * tl.load(gradient)
        else:
            g = _gradient(gradient, n, row, column, channel[None, :], mask, height, width, channels, PADDING, MADE)
            if BENT:
                g = tl.where(z > 0, g, g * slope)
        first += g
        second += g * z
    into = partial + (n * tl.num_programs(0) + part) * 2 * channels + channel
    tl.store(into, tl.sum(first, axis=0), mask=there)
    tl.store(into + channels, tl.sum(second, axis=0), mask=there)


@triton.jit(do_not_specialize=["height", "width"])
def backward(
    gradient, given, settled, means, made, height, width, channels, slope, epsilon,
    NORMED: tl.constexpr, BENT: tl.constexpr, SPIKES: tl.constexpr, PADDING: tl.constexpr,
    KIND: tl.constexpr, MADE: tl.constexpr, PIXELS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """Compute the gradient of a map from that of what :func:`forward` made of it.

    Grid: (groups of PIXELS pixels of the map, groups of CHANNELS channels, N).

    Args:
        gradient: Of the padded map, or a number.
        given: The map; not read unless NORMED.
        settled: What :func:`settle` made of it; the same.
        means: What :func:`settle` made of the sums of :func:`back_moments`; the same.
        made: The gradient of the map, of its kind, is filled.
        height: Of the map.
        width: Of the map.
        channels: Of the map.
        slope: As there.
        epsilon: What was added to the deviation; only where SPIKES.
        NORMED: As forward.
        BENT: As forward.
        SPIKES: As there.
        PADDING: As forward.
        KIND: Of the map.
        MADE: The kind of the padded map.
        PIXELS: Pixels at a time.
        CHANNELS: Channels at a time.
    """
    n = tl.program_id(2).to(tl.int64)
    pixel = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    there = channel < channels
    mask = (pixel < height * width)[:, None] & there[None, :]
    row, column = (pixel // width)[:, None], (pixel % width)[:, None]
    place = place_of(n, row, column, channel[None, :], height, width, channels, KIND)
    if NORMED:
        at = n * 2 * channels + channel
        mean = tl.load(settled + at, mask=there, other=0.0)[None, :]
        scale = tl.load(settled + at + channels, mask=there, other=0.0)[None, :]
        z = (tl.load(given + place, mask=mask, other=0.0).to(tl.float32) - mean) * scale
    if SPIKES:
        g = spike_of(z, slope) * tl.load(gradient)
    else:
        g = _gradient(gradient, n, row, column, channel[None, :], mask, height, width, channels, PADDING, MADE)
        if BENT:
            g = tl.where(z > 0, g, g * slope)
    if NORMED:
        of_g = tl.load(means + at, mask=there, other=0.0)[None, :]
        of_gz = tl.load(means + at + channels, mask=there, other=0.0)[None, :]
        if SPIKES:
            of_gz /= 1.0 - epsilon * scale  # the deviation is one over the scale, less epsilon
        g = (g - of_g - z * of_gz) * scale
    tl.store(made + place, g.to(made.dtype.element_ty), mask=mask)
