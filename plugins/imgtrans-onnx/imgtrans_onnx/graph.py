"""An ONNX model in two parts: its weights, and all the rest as a text that fits into a card."""

import base64
import binascii
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from imgtrans.errors import ModelError

MOST_TEXT = 1 << 19  # letters; a generator of 9 blocks has about 4,000
_MOST_BYTES = 1 << 23  # of what is in them
_FEW = 64  # numbers; a tensor of no more stays with the graph
_DOMAINS = ("", "ai.onnx", "com.microsoft")  # whose operations ONNX Runtime has itself
_FLOAT = onnx.TensorProto.FLOAT

Array = NDArray[np.float32]


def parsed(path: Path) -> Any:
    """Return a file as an ``onnx.ModelProto``; nothing in it is run.

    Raises:
        ModelError: If it is none that can be computed from this file alone, by operations that are known.
    """
    try:
        model = onnx.load(str(path), load_external_data=False)
        for made in model.graph.output:
            made.type.tensor_type.shape.SetInParent()  # some leave it out, which does no harm
        onnx.checker.check_model(model)
    except (DecodeError, onnx.checker.ValidationError, ValueError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(f"{path} is a damaged ONNX file: {first}") from error
    if strange := sorted({one.domain for one in model.opset_import} - {*_DOMAINS}):
        raise ModelError(f"{path} needs operations of {strange[0]}, which is code of somebody's own")
    if any(one.data_location == onnx.TensorProto.EXTERNAL for one in model.graph.initializer):
        raise ModelError(f"{path} keeps its weights in other files", "save it as one file, without external data")
    return model


def divided(model: Any) -> tuple[str, dict[str, Array]]:
    """Return all of a model but its weights as text, and its weights by their names; the model is used up."""
    graph = model.graph
    for node in [node for node in graph.node if node.op_type == "Constant" and not node.domain]:
        (value, *_) = node.attribute
        if value.name == "value" and value.t.data_type == _FLOAT and np.prod(value.t.dims) > _FEW:
            tensor = graph.initializer.add()
            tensor.CopyFrom(value.t)
            tensor.name = node.output[0]
            graph.node.remove(node)
    weights = {}
    for tensor in _weights(model):
        weights[tensor.name] = np.array(onnx.numpy_helper.to_array(tensor), np.float32)
        for field in ("raw_data", "float_data"):
            tensor.ClearField(field)
    for field in ("doc_string", "metadata_props"):
        model.ClearField(field)
    graph.ClearField("value_info")
    for node in graph.node:
        node.ClearField("doc_string")
        node.ClearField("metadata_props")
    return base64.b85encode(zlib.compress(model.SerializeToString(), 9)).decode("ascii"), weights


def skeleton(text: object) -> Any:
    """Return the model without weights that a text is.

    Raises:
        ValueError: If it is none.
    """
    if not isinstance(text, str) or not 0 < len(text) <= MOST_TEXT:
        raise ValueError("graph is no text of the usual length")
    try:
        unpacking = zlib.decompressobj()
        content = unpacking.decompress(base64.b85decode(text), _MOST_BYTES)
        if not unpacking.eof:
            raise ValueError("graph holds more than a network's")
        model = onnx.ModelProto.FromString(content)
    except (binascii.Error, zlib.error, DecodeError) as error:
        raise ValueError("graph holds no ONNX model") from error
    if len(model.graph.input) != 1 or not model.graph.output:
        raise ValueError("graph holds no network of pictures")
    return model


def shapes(model: Any) -> list[tuple[int, ...]]:
    """Return the shapes of the weights that a model without them needs, in their order."""
    return [tuple(tensor.dims) for tensor in _weights(model)]


def names(model: Any) -> list[str]:
    """Return what they are called."""
    return [tensor.name for tensor in _weights(model)]


def joined(model: Any, weights: Sequence[Array]) -> bytes:
    """Return a model with its weights, as ONNX Runtime reads it."""
    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    for tensor, weight in zip(_weights(whole), weights, strict=True):
        tensor.raw_data = np.ascontiguousarray(weight, "<f4").tobytes()
    content: bytes = whole.SerializeToString()
    return content


def opened_up(model: Any, *, last: bool) -> None:
    """Have a model take one picture of any height and width.

    Args:
        model: Its first input is (1, C, H, W), or (1, H, W, C).
        last: Whether channels come last.
    """
    (given,) = model.graph.input
    dims = given.type.tensor_type.shape.dim
    for at, side in zip((1, 2) if last else (2, 3), ("height", "width"), strict=True):
        dims[at].dim_param = side
    dims[0].dim_value = 1
    for made in model.graph.output:
        made.type.tensor_type.ClearField("shape")


def bytes_per_pixel(model: Any, *, last: bool) -> float:
    """Return about how many bytes all maps take that are held at once, for each pixel of the picture."""
    side = 256
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    for at in (1, 2) if last else (2, 3):
        fixed.graph.input[0].type.tensor_type.shape.dim[at].dim_value = side
    try:
        inferred = onnx.shape_inference.infer_shapes(fixed, data_prop=True)
    except onnx.shape_inference.InferenceError:
        inferred = fixed
    sizes = {
        value.name: 4 * float(np.prod([dim.dim_value for dim in value.type.tensor_type.shape.dim]))
        for value in (*inferred.graph.value_info, *inferred.graph.input)
    }
    known = [size for size in sizes.values() if size]
    last_use = {name: at for at, node in enumerate(model.graph.node) for name in node.input}
    held: dict[str, float] = {}
    most = 0.0
    for at, node in enumerate(model.graph.node):
        held |= {name: sizes.get(name) or max(known) for name in node.output if name in last_use}
        most = max(most, sum(held.values()))
        held = {name: size for name, size in held.items() if last_use[name] > at}
    return 1.5 * max(most, *known) / side**2  # what is made ready for a convolution, and freed memory that is kept


def _weights(model: Any) -> Iterator[Any]:
    """Yield the tensors that are weights: of float32, and more than a few numbers."""
    for tensor in model.graph.initializer:
        if tensor.data_type == _FLOAT and np.prod(tensor.dims) > _FEW:
            yield tensor
