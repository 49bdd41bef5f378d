"""The sum of a residual block: its input, and its normalised output."""

from llvmlite import ir

from imgtrans.kernels.code.writing import Kernel

ARGUMENTS = (
    "before", "after", "into",  # addresses of the rows of the block's input, of its output, and of the sum
    "scale", "shift", "floor",  # of its output: two vectors of channels; of the sum: the number that it is not below
    "channels", "width", "top", "bottom",
)  # fmt: skip


def write_addition(module: ir.Module, lanes: int) -> None:
    """Write the kernel ``addition``."""
    k = Kernel(module, "addition", ARGUMENTS, lanes)
    least = {count: k.spread(k["floor"], count) for count in (lanes, 1)}
    with k.loop(k["bottom"], k["top"]) as y:
        before, after, into = (k.integer(k[name] + y * 8) for name in ("before", "after", "into"))
        with k.loop(k["width"]) as x:
            pixel = x * k["channels"] * 4
            for c, count in k.vectors(k["channels"]):
                scale, shift = k.load(k["scale"] + c * 4, count), k.load(k["shift"] + c * 4, count)
                value = k.fused(k.load(after + pixel + c * 4, count), scale, shift)
                value = value + k.load(before + pixel + c * 4, count)
                k.store(k.larger(value, least[count]), into + pixel + c * 4)
    k.end()
