"""Triton's kernels at both ends of a network: pictures to what its first convolution takes, and back again.

Rounding is that of every backend. So that it is, multiplications and additions may not become one operation:
whoever launches these says ``enable_fp_fusion=False``.
"""

# mypy: ignore-errors
# It is Triton's language, not Python's.

import triton
import triton.language as tl

ROUNDS = tl.constexpr(12582912.0)  # 1.5 * 2^23: what is added to this has no digits left behind the point


@triton.jit(do_not_specialize=["height", "width", "top", "left", "rows", "columns"])
def enter(
    given,
    made,
    half,
    height,
    width,
    top,
    left,
    rows,
    columns,
    WHOLE: tl.constexpr,
    REFLECTED: tl.constexpr,
    COLOURS: tl.constexpr,
    ACROSS: tl.constexpr,
    PIXELS: tl.constexpr,
    CHANNELS: tl.constexpr,
):
    """Gather for each 2x2 pixels what a convolution that makes them sees of two rows of a padded picture.

    Grid: (groups of PIXELS pixels of ``made``, N).

    Args:
        given: Pictures, (N, height, width, COLOURS).
        made: (N, rows, columns, CHANNELS), is filled: of either of the two rows ACROSS pixels, then zeros.
        half: Half of the largest whole number.
        height: Of the pictures.
        width: Of the pictures.
        top: Rows of padding above.
        left: Columns of padding before.
        rows: Of what is made.
        columns: Of what is made.
        WHOLE: Whether pixels are whole numbers, which become [-1, 1].
        REFLECTED: Whether padding mirrors; else it repeats the edge.
        COLOURS: Channels of a picture.
        ACROSS: Pixels beside one another.
        PIXELS: Pixels at a time.
        CHANNELS: Channels of what is made.
    """
    n = tl.program_id(1).to(tl.int64)
    pixel = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    number = tl.arange(0, CHANNELS)
    there = (pixel < rows * columns)[:, None]
    row = 2 * (pixel // columns)[:, None] + (number // (ACROSS * COLOURS))[None, :] - top
    column = 2 * (pixel % columns)[:, None] + (number // COLOURS % ACROSS)[None, :] - left
    if REFLECTED:
        row, column = tl.abs(row), tl.abs(column)
        row = tl.minimum(row, 2 * (height - 1) - row)
        column = tl.minimum(column, 2 * (width - 1) - column)
    row = tl.minimum(tl.maximum(row, 0), height - 1)
    column = tl.minimum(tl.maximum(column, 0), width - 1)
    place = ((n * height + row) * width + column) * COLOURS + (number % COLOURS)[None, :]
    seen = (number < 2 * ACROSS * COLOURS)[None, :]
    value = tl.load(given + place, mask=there & seen, other=0).to(tl.float32)
    if WHOLE:
        value = tl.math.div_rn(value, tl.zeros_like(value) + half) - 1.0
    value = tl.where(seen, value, 0.0)
    into = (n * rows * columns + pixel[:, None]) * CHANNELS + number[None, :]
    tl.store(made + into, value.to(made.dtype.element_ty), mask=there)


@triton.jit(do_not_specialize=["height", "width", "rows", "columns"])
def leave(
    given,
    bias,
    made,
    half,
    height,
    width,
    rows,
    columns,
    channels,
    WHOLE: tl.constexpr,
    TANH: tl.constexpr,
    BIASED: tl.constexpr,
    COLOURS: tl.constexpr,
    TAPS: tl.constexpr,
    DOWN: tl.constexpr,
    ACROSS: tl.constexpr,
    NUMBERS: tl.constexpr,
):
    """Make pictures of what the last convolution made, DOWN x ACROSS pixels at once, each of TAPS sums in TAPS rows.

    Grid: (groups of NUMBERS numbers of a picture, N).

    Args:
        given: (N, rows, columns, channels): for each of TAPS, DOWN, ACROSS and COLOURS a number, and maybe more.
        bias: (COLOURS), float32; not read unless BIASED.
        made: (N, height, width, COLOURS), is filled.
        half: Half of the largest whole number.
        height: Of the pictures.
        width: Of the pictures.
        rows: Of what is given.
        columns: Of it.
        channels: Of it.
        WHOLE: Whether pixels are whole numbers, of [-1, 1].
        TANH: Whether the hyperbolic tangent is taken.
        BIASED: Whether there is a bias.
        COLOURS: Channels of a picture.
        TAPS: Sums that are to be added, each a row further down.
        DOWN: Rows that are made at once.
        ACROSS: Columns that are made at once.
        NUMBERS: Numbers at a time.
    """
    n = tl.program_id(1).to(tl.int64)
    number = tl.program_id(0) * NUMBERS + tl.arange(0, NUMBERS)
    there = number < height * width * COLOURS
    colour, pixel = number % COLOURS, number // COLOURS
    row, column = pixel // width, pixel % width
    place = ((n * rows + row // DOWN) * columns + column // ACROSS) * channels
    place += ((row % DOWN) * ACROSS + column % ACROSS) * COLOURS + colour
    value = tl.zeros((NUMBERS,), tl.float32)
    for tap in tl.static_range(TAPS):
        further = tap * (columns * channels + DOWN * ACROSS * COLOURS)
        value += tl.load(given + place + further, mask=there, other=0.0).to(tl.float32)
    if BIASED:
        value += tl.load(bias + colour, mask=there, other=0.0)
    if TANH:
        value = 1.0 - tl.math.div_rn(tl.zeros_like(value) + 2.0, tl.exp(2.0 * value) + 1.0)
    if WHOLE:
        value = (value + 1.0) * half
        value = tl.minimum(tl.maximum(value, 0.0), 2.0 * half)  # which rounding to even leaves where they are
        value = (value + ROUNDS) - ROUNDS
    tl.store(made + n * height * width * COLOURS + number, value.to(made.dtype.element_ty), mask=there)
