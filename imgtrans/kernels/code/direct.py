"""A convolution of any kernel and stride, as sums of products over rows that are padded first.

What stands before and behind it is done with it, as in :mod:`imgtrans.kernels.code.winograd`.
"""

from llvmlite import ir

from imgtrans.kernels.code.products import product
from imgtrans.kernels.code.sums import add_to_sums
from imgtrans.kernels.code.writing import Kernel, Value

PIXELS = 16  # that are summed in single precision

ARGUMENTS = (
    "rows",  # addresses of the padded input's rows, the first row of the output's first; 0 is a row of zeros
    "columns",  # of the padded input: bytes from a row's begin, -1 is a column of zeros
    "scale", "shift", "floor",  # of what is read: two vectors of channels, and the number that it is not below
    "channels",
    "weights",  # (panels, down, across, channels, vectors * lanes)
    "down", "across", "stride", "stride_down",  # the kernel's rows and columns; its stride along a row, and down
    "room",  # for the padded rows of what is done at once, and a few pixels more
    "outputs",  # addresses of the output's rows
    "pixel",  # bytes between two pixels of the output
    "features",  # channels of the output
    "bias", "least",  # of what is written: a vector of whole panels, and the number that it is not below
    "top", "bottom", "left", "right",  # rows and columns of the output
    "sums", "sums_step",  # 2 * features doubles for each row, and the bytes between two; or 0
)  # fmt: skip


def write_direct(module: ir.Module, lanes: int, rows: int) -> None:
    """Write the kernels ``direct``, and ``narrow`` for outputs of few channels."""
    for name, vectors in (("direct", 2), ("narrow", 1)):
        k = Kernel(module, name, ARGUMENTS, lanes)
        wide = k["right"] - k["left"]
        row_bytes = ((wide - 1) * k["stride"] + k["across"]) * k["channels"] * 4
        _read(k, row_bytes)
        spare = k.room(vectors * lanes)
        together = rows * 2 // vectors
        panel_bytes = k["down"] * k["across"] * k["channels"] * (4 * vectors * lanes)
        with (
            k.loop((k["features"] + (vectors * lanes - 1)) // (vectors * lanes)) as panel,
            k.loop(k["bottom"], k["top"]) as y,
            k.loop(wide, step=together) as x,
        ):
            given = k["room"] + (y - k["top"]) * k["stride_down"] * row_bytes + x * k["stride"] * k["channels"] * 4
            made = product(
                k,
                together,
                vectors,
                first=given,
                step=k["stride"] * k["channels"] * 4,
                length=k["across"] * k["channels"],
                weights=k["weights"] + panel * panel_bytes,
                parts=k["down"],
                part_step=row_bytes,
            )
            n = panel * (vectors * lanes)
            biases = [k.load(k["bias"] + (n + lanes * one) * 4, lanes) for one in range(vectors)]
            least = k.spread(k["least"], lanes)
            output = k.integer(k["outputs"] + y * 8) + (k["left"] + x) * k["pixel"] + n * 4
            left = k["features"] - n
            for number, row in enumerate(made):
                with k.when(x + number < wide):
                    values = [k.larger(value + bias, least) for value, bias in zip(row, biases, strict=True)]
                    _write(k, values, output + k["pixel"] * number, left, spare)
        with k.when(k["sums"].is_not(0)), k.loop(k["bottom"], k["top"]) as y:
            _sum(
                k,
                k.integer(k["outputs"] + y * 8) + k["left"] * k["pixel"],
                wide,
                k["sums"] + (y - k["top"]) * k["sums_step"],
            )
        k.end()


def _read(k: Kernel, row_bytes: Value) -> None:
    """Bring the rows that are needed to what the convolution sees: normalised, cut off, padded."""
    first = k["left"] * k["stride"]
    last = (k["right"] - 1) * k["stride"] + k["across"]
    least = {lanes: k.spread(k["floor"], lanes) for lanes in (k.lanes, 1)}
    with k.loop((k["bottom"] - 1) * k["stride_down"] + k["down"], k["top"] * k["stride_down"]) as y:
        row = k.integer(k["rows"] + y * 8)
        into = k["room"] + (y - k["top"] * k["stride_down"]) * row_bytes
        with k.loop(last, first) as x:
            column = k.integer(k["columns"] + x * 8)
            there = row.is_not(0).both(k.number(-1) < column)
            pixel = into + (x - first) * k["channels"] * 4
            with k.either(there) as (inner, beyond):
                with inner:
                    for c, lanes in k.vectors(k["channels"]):
                        scale, shift = k.load(k["scale"] + c * 4, lanes), k.load(k["shift"] + c * 4, lanes)
                        value = k.fused(k.load(row + column + c * 4, lanes), scale, shift)
                        k.store(k.larger(value, least[lanes]), pixel + c * 4)
                with beyond:
                    for c, lanes in k.vectors(k["channels"]):
                        k.store(k.constant(0.0, lanes), pixel + c * 4)


def _write(k: Kernel, values: list[Value], place: Value, left: Value, spare: Value) -> None:
    """Write a pixel's vectors, of which only the first ``left`` values are channels."""
    with k.either(left < len(values) * k.lanes) as (part, whole):
        with whole:
            for number, value in enumerate(values):
                k.store(value, place + 4 * k.lanes * number)
        with part:
            for number, value in enumerate(values):
                k.store(value, spare + 4 * k.lanes * number)
            with k.loop(left) as n:
                k.store(k.load(spare + n * 4, 1), place + n * 4)


def _sum(k: Kernel, output: Value, wide: Value, sums: Value) -> None:
    """Add a row of the output to its sums."""
    whole = wide // PIXELS * PIXELS
    for n, lanes in k.vectors(k["features"]):
        with k.loop(whole, step=PIXELS) as x:
            place = output + x * k["pixel"] + n * 4
            add_to_sums(k, sums, n, [k.load(place + k["pixel"] * one, lanes) for one in range(PIXELS)])
        with k.loop(wide, start=whole) as x:
            add_to_sums(k, sums, n, [k.load(output + x * k["pixel"] + n * 4, lanes)])
