"""Triton's kernel for convolutions of few pixels, with the statistics of what it makes.

A library's tiles are so large that few pixels leave half of a card idle. Sums are in an order that a map's size gives.
"""

# mypy: ignore-errors
# It is Triton's language, not Python's.

import triton
import triton.language as tl


@triton.jit(do_not_specialize=["height", "width"])
def convolve(
    given,
    weight,
    made,
    partial,
    counter,
    learnt_scale,
    learnt_shift,
    affine,
    height,
    width,
    epsilon,
    LEARNT: tl.constexpr,
    DOWN: tl.constexpr,
    ACROSS: tl.constexpr,
    TAKEN: tl.constexpr,
    CHANNELS: tl.constexpr,
    PIXELS: tl.constexpr,
    MADE: tl.constexpr,
    AT_ONCE: tl.constexpr,
    STAGES: tl.constexpr,
    PARTS: tl.constexpr,
):
    """Convolve a padded map, and make what the result is normalised with, as :func:`imgtrans.cuda.code.sums` does.

    Grid: (parts of PIXELS pixels, groups of MADE channels, N).

    Args:
        given: (N, height + DOWN - 1, width + ACROSS - 1, TAKEN).
        weight: (DOWN, ACROSS, TAKEN, CHANNELS).
        made: (N, height, width, CHANNELS), is filled.
        partial: (N, parts, 2, CHANNELS), float32, is filled: means, and sums of squares of what is off them.
        counter: (N, groups), int32: zeros, which are zeros again afterwards.
        learnt_scale: (CHANNELS), float32; not read unless LEARNT.
        learnt_shift: The same.
        affine: (N, 2, CHANNELS), float32, is filled: what is multiplied with, and what is added then.
        height: Of what is made.
        width: Of what is made.
        epsilon: Added to the variance.
        LEARNT: Whether there are a learnt scale and shift.
        DOWN: Rows of the kernel.
        ACROSS: Columns of the kernel.
        TAKEN: Channels of what is given, a multiple of AT_ONCE.
        CHANNELS: Of what is made, a multiple of MADE.
        PIXELS: Of a part.
        MADE: Channels that are made at a time.
        AT_ONCE: Channels that are taken at a time.
        STAGES: Products that are loaded for at a time.
        PARTS: Parts that are read at a time.
    """
    part, group, n = tl.program_id(0), tl.program_id(1), tl.program_id(2).to(tl.int64)
    parts = tl.num_programs(0)
    pixel = part * PIXELS + tl.arange(0, PIXELS)
    there = (pixel < height * width)[:, None]
    channel = group * MADE + tl.arange(0, MADE)
    taken = tl.arange(0, AT_ONCE)
    wide = width + ACROSS - 1
    seen = tl.minimum(pixel, height * width - 1)  # those that are not there see what the last one sees
    first = given + n * (height + DOWN - 1) * wide * TAKEN + ((seen // width) * wide + seen % width)[:, None] * TAKEN
    total = tl.zeros((PIXELS, MADE), tl.float32)
    for step in tl.range(0, DOWN * ACROSS * (TAKEN // AT_ONCE), num_stages=STAGES):
        tap, begin = step // (TAKEN // AT_ONCE), step % (TAKEN // AT_ONCE) * AT_ONCE
        one = tl.load(first + ((tap // ACROSS) * wide + tap % ACROSS) * TAKEN + (begin + taken)[None, :])
        other = tl.load(weight + (tap * TAKEN + begin + taken)[:, None] * CHANNELS + channel[None, :])
        total = tl.dot(one, other, total)
    value = total.to(made.dtype.element_ty)
    tl.store(made + (n * height * width + pixel)[:, None] * CHANNELS + channel[None, :], value, mask=there)
    value = value.to(tl.float32)
    mean = tl.sum(tl.where(there, value, 0.0), axis=0) / tl.minimum(PIXELS, height * width - part * PIXELS)
    off = tl.where(there, value - mean[None, :], 0.0)
    into = partial + (n * parts + part) * 2 * CHANNELS + channel
    tl.store(into, mean)
    tl.store(into + CHANNELS, tl.sum(off * off, axis=0))
    # What all threads have stored is there for whoever sees the count: a barrier, then a release by one of them.
    tl.debug_barrier()
    ticket = tl.atomic_add(counter + n * tl.num_programs(1) + group, 1, sem="acq_rel", scope="gpu")
    if ticket == parts - 1:
        tl.store(counter + n * tl.num_programs(1) + group, 0)
        weighted = tl.zeros((PARTS, MADE), tl.float32)
        for start in range(0, parts, PARTS):
            which = start + tl.arange(0, PARTS)
            count = tl.minimum(PIXELS, tl.maximum(height * width - which * PIXELS, 0)).to(tl.float32)[:, None]
            place = partial + (n * parts + which)[:, None] * 2 * CHANNELS + channel[None, :]
            weighted += count * tl.load(place, mask=(which < parts)[:, None], other=0.0, cache_modifier=".cg")
        all_of_them = (height * width).to(tl.float32)
        mean = tl.sum(weighted, axis=0) / all_of_them
        squares = tl.zeros((PARTS, MADE), tl.float32)
        for start in range(0, parts, PARTS):
            which = start + tl.arange(0, PARTS)
            count = tl.minimum(PIXELS, tl.maximum(height * width - which * PIXELS, 0)).to(tl.float32)[:, None]
            place = partial + (n * parts + which)[:, None] * 2 * CHANNELS + channel[None, :]
            further = tl.load(place, mask=(which < parts)[:, None], other=0.0, cache_modifier=".cg") - mean[None, :]
            squares += count * further * further
            squares += tl.load(place + CHANNELS, mask=(which < parts)[:, None], other=0.0, cache_modifier=".cg")
        scale = 1.0 / tl.sqrt(tl.sum(squares, axis=0) / all_of_them + epsilon)
        if LEARNT:
            scale *= tl.load(learnt_scale + channel)
        shift = -mean * scale
        if LEARNT:
            shift += tl.load(learnt_shift + channel)
        tl.store(affine + n * 2 * CHANNELS + channel, scale)
        tl.store(affine + (n * 2 + 1) * CHANNELS + channel, shift)
