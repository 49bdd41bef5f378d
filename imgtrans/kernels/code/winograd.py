"""3x3 convolutions as Winograd's: 36 products for 16 pixels of stride 1 where the usual way takes 144.

Source: Lavin and Gray, "Fast algorithms for convolutional neural networks", CVPR 2016: F(4x4, 3x3), tiles of 6x6, with
the points 0, 1, -1, 2 and -2.

What stands before the convolution is done as its input is read: normalisation (as scale and shift), ReLU, enlargement
and padding. What stands behind it is done as its output is written: bias, ReLU, and the sums from which the next
normalisation is computed.

Of an input that is enlarged twice, each tile's second and third row are one, and so are its fourth and fifth, and its
columns; the differences that the third row and column of products are of are zero, which leaves 25 products.

One of stride 2, and a transposed one, are sums of what the kernel's middle row makes, and its two others as F(4, 2),
with the points 0, 1, -1 and 2: 81 products where the usual way takes 144.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llvmlite import ir

from imgtrans.kernels.code.products import product
from imgtrans.kernels.code.sums import add_to_sums
from imgtrans.kernels.code.writing import Kernel, Value
from imgtrans.kernels.winograd import DOUBLED, ENLARGED, HALVED, WHOLE, Scheme

ARGUMENTS = (
    "rows",  # addresses of the padded input's rows, from the first row of tiles on; 0 is a row of zeros
    "columns",  # of the padded input: bytes from a row's begin, -1 is a column of zeros
    "scale", "shift", "floor",  # of what is read: two vectors of channels, and the number that it is not below
    "channels",
    "order",  # for each product its number and the address of its weights, (panels, channels, 2 * lanes), transformed
    "v", "v_step", "m", "m_step",  # room for transformed tiles, and the bytes between two of the products
    "outputs",  # addresses of the output's rows, from the first row of tiles on
    "features", "features_padded",  # channels of the output, and those rounded up to whole panels
    "bias", "least",  # of what is written: a vector, and the number that it is not below
    "top", "bottom", "across",  # rows of tiles, and tiles of a row
    "high", "wide",  # tiles that there is room for
    "height", "width",  # of the output from the first row of tiles on
    "sums", "sums_step",  # 2 * features doubles for each row of tiles, and the bytes between two; or 0
    "slot_step",  # bytes to the sums of the next tiles of a row that there is room for
)  # fmt: skip


@dataclass(frozen=True)
class Transforms:
    """How a tile's rows, or columns, become factors of products, and how these become the output's."""

    before: Callable[[Kernel, Sequence[Value]], list[Value]]
    behind: Callable[[Kernel, Sequence[Value]], list[Value]]


def write_winograd(module: ir.Module, lanes: int, rows: int) -> None:
    """Write the kernels ``winograd``, one for each scheme, which do some rows of tiles."""
    for scheme, transforms in _TRANSFORMS:
        k = Kernel(module, scheme.kernel, ARGUMENTS, lanes)
        with k.loop(k["bottom"], k["top"], k["high"]) as top, k.loop(k["across"], step=k["wide"]) as left:
            bottom = k.smaller_integer(top + k["high"], k["bottom"])
            right = k.smaller_integer(left + k["wide"], k["across"])
            _tiles(k, rows, scheme, transforms, (top, bottom), (left, right))
        k.end()


def _tiles(
    k: Kernel,
    rows: int,
    scheme: Scheme,
    transforms: Transforms,
    down: tuple[Value, Value],
    across: tuple[Value, Value],
) -> None:
    """Do as many tiles as there is room for."""
    lanes, (top, bottom), (left, right) = k.lanes, down, across
    wide = right - left
    with k.loop(bottom, top) as ty, k.loop(wide) as tx:
        _read(k, scheme, transforms, ty, left + tx, k["v"] + ((ty - top) * wide + tx) * k["channels"] * 4)
    tiles = (bottom - top) * wide
    panel_bytes = k["channels"] * (8 * lanes)
    with k.loop(k.number(len(scheme.products) ** 2)) as number:
        tap, weights = k.integer(k["order"] + number * 16), k.integer(k["order"] + number * 16 + 8)
        given, made = k["v"] + tap * k["v_step"], k["m"] + tap * k["m_step"]
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
        _write(k, scheme, transforms, ty, left + tx, made, sums_of_first + (ty - k["top"]) * k["sums_step"])


def _read(k: Kernel, scheme: Scheme, transforms: Transforms, ty: Value, tx: Value, v: Value) -> None:
    """Transform a tile."""
    rows = [k.integer(k["rows"] + (ty * scheme.step + i) * 8) for i in scheme.reads]
    columns = [k.integer(k["columns"] + (tx * scheme.step + j) * 8) for j in scheme.reads]
    whole = rows[0].is_not(0).both(k.number(-1) < columns[0])
    for row, column in zip(rows[1:], columns[1:], strict=True):
        whole = whole.both(row.is_not(0)).both(k.number(-1) < column)
    least = k.spread(k["floor"], k.lanes)
    with k.either(whole) as (inner, edge):
        for way in (inner, edge):
            with way, k.loop(k["channels"], step=k.lanes) as c:
                scale, shift = k.load(k["scale"] + c * 4, k.lanes), k.load(k["shift"] + c * 4, k.lanes)

                def value(
                    row: Value, column: Value, at_edge: bool, c: Value = c, a: Value = scale, b: Value = shift
                ) -> Value:
                    if not at_edge:
                        return k.larger(k.fused(k.load(row + c * 4 + column, k.lanes), a, b), least)
                    there = row.is_not(0).both(k.number(-1) < column)
                    safe = k.chosen(there, row + column, k["scale"])  # any address that can be read
                    made = k.larger(k.fused(k.load(safe + c * 4, k.lanes), a, b), least)
                    return k.chosen(there, made, k.constant(0.0, k.lanes))

                columned = [
                    transforms.before(k, [value(row, column, way is edge) for row in rows]) for column in columns
                ]
                place = v + c * 4
                for across in zip(*columned, strict=True):
                    for transformed in transforms.before(k, across):
                        k.store(transformed, place)
                        place = place + k["v_step"]


def _write(k: Kernel, scheme: Scheme, transforms: Transforms, ty: Value, tx: Value, m: Value, sums: Value) -> None:
    """Transform a tile back."""
    side, products = range(scheme.side), len(scheme.products)
    outputs = [k.integer(k["outputs"] + (ty * scheme.side + i) * 8) for i in side]
    across = tx * scheme.side
    whole = (ty * scheme.side + side[-1] < k["height"]).both(across + side[-1] < k["width"])
    high = k.smaller_integer(k.number(scheme.side), k["height"] - ty * scheme.side)
    wide = k.smaller_integer(k.number(scheme.side), k["width"] - across)
    spare = k.room(len(side) ** 2 * k.lanes)
    least = k.spread(k["least"], k.lanes)
    with k.loop(k["features"], step=k.lanes) as n:
        places = [m + n * 4]
        while len(places) < products**2:
            places.append(places[-1] + k["m_step"])
        columned = [
            transforms.behind(k, [k.load(place, k.lanes) for place in places[j::products]]) for j in range(products)
        ]
        bias = k.load(k["bias"] + n * 4, k.lanes)
        made = [
            [k.larger(value + bias, least) for value in transforms.behind(k, row)]
            for row in zip(*columned, strict=True)
        ]
        with k.either(whole) as (inner, edge):
            with inner:
                for i in side:
                    for j in side:
                        k.store(made[i][j], outputs[i] + ((across + j) * k["features"] + n) * 4)
                with k.when(k["sums"].is_not(0)):
                    add_to_sums(k, sums, n, [value for row in made for value in row])
            with edge:
                for i in side:
                    for j in side:
                        k.store(made[i][j], spare + 4 * k.lanes * (i * scheme.side + j))
                with k.loop(high) as y, k.loop(wide) as x:
                    value = k.load(spare + (y * scheme.side + x) * (4 * k.lanes), k.lanes)
                    output = k.integer(k["outputs"] + (ty * scheme.side + y) * 8)
                    k.store(value, output + ((across + x) * k["features"] + n) * 4)
                    with k.when(k["sums"].is_not(0)):
                        add_to_sums(k, sums, n, [value])


def _before_three(k: Kernel, d: Sequence[Value]) -> list[Value]:
    """F(4, 3): six products of six rows."""
    two, four, five = (k.constant(value, k.lanes) for value in (2.0, 4.0, -5.0))
    minus = k.constant(-4.0, k.lanes)
    a, b = k.fused(minus, d[2], d[4]), k.fused(minus, d[1], d[3])
    e, f = d[4] - d[2], two * (d[3] - d[1])
    return [
        k.fused(four, d[0], k.fused(five, d[2], d[4])), a + b, a - b, e + f, e - f,
        k.fused(four, d[1], k.fused(five, d[3], d[5])),
    ]  # fmt: skip


def _behind_three(k: Kernel, m: Sequence[Value]) -> list[Value]:
    """F(4, 3): four rows of six products."""
    two, four, eight = (k.constant(value, k.lanes) for value in (2.0, 4.0, 8.0))
    p, q, r, t = m[1] + m[2], m[1] - m[2], m[3] + m[4], m[3] - m[4]
    return [m[0] + p + r, k.fused(two, t, q), k.fused(four, r, p), k.fused(eight, t, q) + m[5]]


def _before_enlarged(k: Kernel, d: Sequence[Value]) -> list[Value]:
    first, second, _, *others = _before_three(k, [d[0], d[1], d[1], d[2], d[2], d[3]])
    return [first, second, *others]


def _behind_enlarged(k: Kernel, m: Sequence[Value]) -> list[Value]:
    return _behind_three(k, [*m[:2], k.constant(0.0, k.lanes), *m[2:]])


def _before_two(k: Kernel, d: Sequence[Value]) -> list[Value]:
    """F(4, 2): five products of five rows."""
    two, minus = (k.constant(value, k.lanes) for value in (2.0, -2.0))
    a, b = d[3] - d[1], d[2] - d[1]
    return [
        k.fused(two, d[0] - d[2], a), k.fused(minus, d[1], d[3] - d[2]), k.fused(minus, b, d[3] - d[2]), a,
        k.fused(two, d[1] - d[3], d[4] - d[2]),
    ]  # fmt: skip


def _behind_two(k: Kernel, m: Sequence[Value]) -> list[Value]:
    """F(4, 2): four rows of five products."""
    two, four, eight = (k.constant(value, k.lanes) for value in (2.0, 4.0, 8.0))
    p, q = m[1] + m[2], m[1] - m[2]
    return [m[0] + p + m[3], k.fused(two, m[3], q), k.fused(four, m[3], p), k.fused(eight, m[3], q) + m[4]]


def _before_halved(k: Kernel, d: Sequence[Value]) -> list[Value]:
    return [*_before_two(k, d[::2]), *d[1::2]]


def _behind_halved(k: Kernel, m: Sequence[Value]) -> list[Value]:
    return [one + other for one, other in zip(_behind_two(k, m[:5]), m[5:], strict=True)]


def _before_doubled(k: Kernel, d: Sequence[Value]) -> list[Value]:
    return [*_before_two(k, d), *d[:4]]


def _behind_doubled(k: Kernel, m: Sequence[Value]) -> list[Value]:
    return [value for pair in zip(m[5:], _behind_two(k, m[:5]), strict=True) for value in pair]


_TRANSFORMS = (
    (WHOLE, Transforms(_before_three, _behind_three)),
    (ENLARGED, Transforms(_before_enlarged, _behind_enlarged)),
    (HALVED, Transforms(_before_halved, _behind_halved)),
    (DOUBLED, Transforms(_before_doubled, _behind_doubled)),
)
