"""Two small graphs, which the contract of an architecture is tried with."""

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

from imgtrans_onnx.graph import divided


def negative() -> str:
    """Return a graph without weights: minus the picture."""
    return _text([helper.make_node("Neg", ["given"], ["made"])], [], last=False)


def weighted() -> str:
    """Return a graph of one convolution between turns of the axes, and the picture added."""
    kernel = np.zeros((3, 3, 3, 3), np.float32)
    nodes = [
        helper.make_node("Transpose", ["given"], ["first"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["first", "kernel"], ["convolved"], pads=[1, 1, 1, 1]),
        helper.make_node("Transpose", ["convolved"], ["turned"], perm=[0, 2, 3, 1]),
        helper.make_node("Add", ["turned", "given"], ["made"]),
    ]
    return _text(nodes, [numpy_helper.from_array(kernel, "kernel")], last=True)


def _text(nodes: list[NodeProto], weights: list[TensorProto], *, last: bool) -> str:
    shape: list[int | str | None] = [1, "height", "width", 3] if last else [1, 3, "height", "width"]
    given, made = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("given", "made"))
    graph = helper.make_graph(nodes, "example", [given], [made], weights)
    return divided(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9))[0]
