"""Sums of products, a few rows and one or two vectors of columns at a time, all of them in registers."""

from imgtrans.kernels.code.writing import Kernel, Value


def product(
    k: Kernel,
    rows: int,
    vectors: int,
    *,
    first: Value,
    step: Value,
    length: Value,
    weights: Value,
    parts: Value | None = None,
    part_step: Value | None = None,
) -> list[list[Value]]:
    """Return the sums of a few rows of values with a panel of weights; each is taken in the order of the weights.

    So what comes out does not depend on which rows are done together.

    Args:
        k: The kernel.
        rows: How many rows.
        vectors: Of each row's sums.
        first: Address of the first row's values.
        step: Bytes between two rows.
        length: Values of a row that follow each other.
        weights: Address of the panel: so many vectors for each value.
        parts: How often a row has so many values; once by default.
        part_step: Bytes between two of these parts.
    """
    sums = [[k.variable(k.lanes) for _ in range(vectors)] for _ in range(rows)]
    for row in sums:
        for place in row:
            place.set(k.constant(0.0, k.lanes))
    at_weights = k.counter()
    at_weights.set(weights)

    def part(begin: Value) -> None:
        addresses = [begin + step * row for row in range(rows)]
        with k.loop(length) as at:
            address = at_weights.get()
            panel = [k.load(address + 4 * k.lanes * one, k.lanes) for one in range(vectors)]
            at_weights.set(address + 4 * k.lanes * vectors)
            for one, row in zip(addresses, sums, strict=True):
                value = k.spread(one + at * 4, k.lanes)
                for place, weight in zip(row, panel, strict=True):
                    place.set(k.fused(value, weight, place.get()))

    if parts is None or part_step is None:
        part(first)
    else:
        with k.loop(parts) as number:
            part(first + number * part_step)
    return [[place.get() for place in row] for row in sums]
