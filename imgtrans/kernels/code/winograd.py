"""A 3x3 convolution of stride 1 as Winograd's F(4x4, 3x3): 36 products for 16 pixels where the usual way takes 144.

Source: Lavin and Gray, "Fast algorithms for convolutional neural networks", CVPR 2016; tiles of 6x6, with the points
0, 1, -1, 2 and -2.

What stands before the convolution is done as its input is read: normalisation (as scale and shift), ReLU, enlargement
and padding. What stands behind it is done as its output is written: bias, ReLU, and the sums from which the next
normalisation is computed.

Of an input that is enlarged twice, each tile's second and third row are one, and so are its fourth and fifth, and its
columns; the differences that the third row and column of products are of are zero, which leaves 25 products.
"""

from collections.abc import Sequence

from llvmlite import ir

from imgtrans.kernels.code.products import product
from imgtrans.kernels.code.sums import add_to_sums
from imgtrans.kernels.code.writing import Kernel, Value
from imgtrans.kernels.winograd import EVERY, OF_ENLARGED

_SIX = range(6)
_SAME = (0, 1, 1, 3, 3, 5)  # the first row, or column, of an enlarged tile that is the same

ARGUMENTS = (
    "rows",  # addresses of the padded input's rows, six for the first row of tiles; 0 is a row of zeros
    "columns",  # of the padded input: bytes from a row's begin, -1 is a column of zeros
    "scale", "shift", "floor",  # of what is read: two vectors of channels, and the number that it is not below
    "channels",
    "weights",  # (products, panels, channels, 2 * lanes), transformed
    "v", "v_step", "m", "m_step",  # room for transformed tiles, and the bytes between two of the products
    "outputs",  # addresses of the output's rows, four for the first row of tiles
    "features", "features_padded",  # channels of the output, and those rounded up to whole panels
    "bias", "least",  # of what is written: a vector, and the number that it is not below
    "top", "bottom", "across",  # rows of tiles, and tiles of a row
    "high", "wide",  # tiles that there is room for
    "height", "width",  # of the output from the first row of tiles on
    "sums", "sums_step",  # 2 * features doubles for each row of tiles, and the bytes between two; or 0
    "slot_step",  # bytes to the sums of the next tiles of a row that there is room for
)  # fmt: skip


def write_winograd(module: ir.Module, lanes: int, rows: int) -> None:
    """Write the kernels ``winograd`` and ``winograd_enlarged``, which do some rows of tiles."""
    for name, taps in (("winograd", EVERY), ("winograd_enlarged", OF_ENLARGED)):
        k = Kernel(module, name, ARGUMENTS, lanes)
        with k.loop(k["bottom"], k["top"], k["high"]) as top, k.loop(k["across"], step=k["wide"]) as left:
            bottom = k.smaller_integer(top + k["high"], k["bottom"])
            _tiles(k, rows, taps, (top, bottom), (left, k.smaller_integer(left + k["wide"], k["across"])))
        k.end()


def _tiles(
    k: Kernel, rows: int, taps: Sequence[tuple[int, int]], down: tuple[Value, Value], across: tuple[Value, Value]
) -> None:
    """Do as many tiles as there is room for."""
    lanes, (top, bottom), (left, right) = k.lanes, down, across
    wide = right - left
    with k.loop(bottom, top) as ty, k.loop(wide) as tx:
        _read(k, taps, ty, left + tx, k["v"] + ((ty - top) * wide + tx) * k["channels"] * 4)
    tiles = (bottom - top) * wide
    panel_bytes = k["channels"] * (8 * lanes)
    with k.loop(k.number(len(taps))) as tap:
        given, made = k["v"] + tap * k["v_step"], k["m"] + tap * k["m_step"]
        weights = k["weights"] + tap * k["features_padded"] * k["channels"] * 4
        with k.loop(k["features_padded"] // (2 * lanes)) as panel, k.loop(tiles, step=rows) as tile:
            sums = product(
                k,
                rows,
                2,
                first=given + tile * k["channels"] * 4,
                step=k["channels"] * 4,
                length=k["channels"],
                weights=weights + panel * panel_bytes,
            )
            place = made + tile * k["features_padded"] * 4 + panel * (8 * lanes)
            for one, other in sums:
                k.store(one, place)
                k.store(other, place + 4 * lanes)
                place = place + k["features_padded"] * 4
    sums_of_first = k["sums"] + left // k["wide"] * k["slot_step"]
    with k.loop(bottom, top) as ty, k.loop(wide) as tx:
        made = k["m"] + ((ty - top) * wide + tx) * k["features_padded"] * 4
        _write(k, taps, ty, left + tx, made, sums_of_first + (ty - k["top"]) * k["sums_step"])


def _read(k: Kernel, taps: Sequence[tuple[int, int]], ty: Value, tx: Value, v: Value) -> None:
    """Transform a tile."""
    same = _SIX if len(taps) == len(EVERY) else _SAME
    rows = [k.integer(k["rows"] + (ty * 4 + i) * 8) for i in _SIX]
    columns = [k.integer(k["columns"] + (tx * 4 + j) * 8) for j in _SIX]
    whole = rows[0].is_not(0).both(k.number(-1) < columns[0])
    for i in sorted({*same} - {0}):
        whole = whole.both(rows[i].is_not(0)).both(k.number(-1) < columns[i])
    least = k.spread(k["floor"], k.lanes)
    with k.either(whole) as (inner, edge):
        for way in (inner, edge):
            with way, k.loop(k["channels"], step=k.lanes) as c:
                scale, shift = k.load(k["scale"] + c * 4, k.lanes), k.load(k["shift"] + c * 4, k.lanes)

                def value(i: int, j: int, at_edge: bool, c: Value = c, a: Value = scale, b: Value = shift) -> Value:
                    row, column = rows[i], columns[j]
                    if not at_edge:
                        return k.larger(k.fused(k.load(row + c * 4 + column, k.lanes), a, b), least)
                    there = row.is_not(0).both(k.number(-1) < column)
                    safe = k.chosen(there, row + column, k["scale"])  # any address that can be read
                    made = k.larger(k.fused(k.load(safe + c * 4, k.lanes), a, b), least)
                    return k.chosen(there, made, k.constant(0.0, k.lanes))

                seen = {(i, j): value(i, j, way is edge) for j in {*same} for i in {*same}}
                columned = {j: _to_v(k, [seen[same[i], j] for i in _SIX]) for j in {*same}}
                place = v + c * 4
                for i in sorted({i for i, _ in taps}):
                    transformed = _to_v(k, [columned[same[j]][i] for j in _SIX])
                    for j in sorted({j for _, j in taps}):
                        k.store(transformed[j], place)
                        place = place + k["v_step"]


def _write(k: Kernel, taps: Sequence[tuple[int, int]], ty: Value, tx: Value, m: Value, sums: Value) -> None:
    """Transform a tile back."""
    outputs = [k.integer(k["outputs"] + (ty * 4 + i) * 8) for i in range(4)]
    across = tx * 4
    whole = (ty * 4 + 3 < k["height"]).both(across + 3 < k["width"])
    least = k.spread(k["least"], k.lanes)
    with k.loop(k["features"], step=k.lanes) as n:
        place, given = m + n * 4, dict.fromkeys(EVERY, k.constant(0.0, k.lanes))
        for tap in taps:
            given[tap] = k.load(place, k.lanes)
            place = place + k["m_step"]
        rowed = [_from_m(k, [given[i, j] for i in _SIX]) for j in _SIX]
        bias = k.load(k["bias"] + n * 4, k.lanes)
        made = [[k.larger(value + bias, least) for value in _from_m(k, [row[i] for row in rowed])] for i in range(4)]
        with k.either(whole) as (inner, edge):
            with inner:
                for i in range(4):
                    for j in range(4):
                        k.store(made[i][j], outputs[i] + ((across + j) * k["features"] + n) * 4)
                with k.when(k["sums"].is_not(0)):
                    add_to_sums(k, sums, n, [value for row in made for value in row])
            with edge:
                for i in range(4):
                    for j in range(4):
                        with k.when((ty * 4 + i < k["height"]).both(across + j < k["width"])):
                            k.store(made[i][j], outputs[i] + ((across + j) * k["features"] + n) * 4)
                            with k.when(k["sums"].is_not(0)):
                                add_to_sums(k, sums, n, [made[i][j]])


def _to_v(k: Kernel, d: list[Value]) -> list[Value]:
    two, four, five = (k.constant(value, k.lanes) for value in (2.0, 4.0, -5.0))
    minus = k.constant(-4.0, k.lanes)
    a, b = k.fused(minus, d[2], d[4]), k.fused(minus, d[1], d[3])
    e, f = d[4] - d[2], two * (d[3] - d[1])
    return [
        k.fused(four, d[0], k.fused(five, d[2], d[4])), a + b, a - b, e + f, e - f,
        k.fused(four, d[1], k.fused(five, d[3], d[5])),
    ]  # fmt: skip


def _from_m(k: Kernel, m: list[Value]) -> list[Value]:
    two, four, eight = (k.constant(value, k.lanes) for value in (2.0, 4.0, 8.0))
    p, q, r, t = m[1] + m[2], m[1] - m[2], m[3] + m[4], m[3] - m[4]
    return [m[0] + p + r, k.fused(two, t, q), k.fused(four, r, p), k.fused(eight, t, q) + m[5]]
