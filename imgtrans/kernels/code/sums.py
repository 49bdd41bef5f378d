"""Sums of values and of their squares for each channel, as instance normalisation needs them."""

from collections.abc import Sequence

from imgtrans.kernels.code.writing import F64, Kernel, Value


def add_to_sums(k: Kernel, sums: Value, at: Value, values: Sequence[Value]) -> None:
    """Add a few pixels of some channels to their sums, in double precision.

    What is summed in single precision is how far they are from the first of them, so that large means cost nothing.

    Args:
        k: The kernel.
        sums: Address of ``features`` doubles for values and as many for squares.
        at: The first channel.
        values: A vector of channels for each pixel.
    """
    lanes = values[0].it.type.count
    first = k.doubled(values[0])
    count = k.floating(k.number(len(values)), lanes)
    value, square = first * count, first * first * count
    if len(values) > 1:
        apart = [one - values[0] for one in values[1:]]
        total, squares = apart[0], apart[0] * apart[0]
        for one in apart[1:]:
            total, squares = total + one, k.fused(one, one, squares)
        total = k.doubled(total)
        value = value + total
        square = square + k.fused(first + first, total, k.doubled(squares))
    for amount, place in ((value, sums + at * 8), (square, sums + (at + k["features"]) * 8)):
        k.store(k.load(place, lanes, F64) + amount, place)
