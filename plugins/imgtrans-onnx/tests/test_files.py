"""ONNX files that people bring: read, never run as code, tried for their sizes, translated as ONNX Runtime would."""

import copy
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from imgtrans_onnx import architecture as module
from imgtrans_onnx.architecture import architecture
from imgtrans_onnx.backend import LIMIT, backend
from imgtrans_onnx.exporting import exported
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from imgtrans import GeneratorResNet, weights_init_normal
from imgtrans.errors import ModelError
from imgtrans.protocols import Recognition
from imgtrans.testing import check_architecture, check_parity


@pytest.fixture(scope="module")
def generator() -> nn.Module:
    torch.manual_seed(0)
    return GeneratorResNet((3, 0, 0), 1, ngf=8).apply(weights_init_normal).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def content(generator: nn.Module) -> bytes:
    return exported(generator)


def channels_last(model: onnx.ModelProto) -> None:
    """Turn a model's pictures into those that TensorFlow's converters make, as of AnimeGANv3."""
    graph = model.graph
    given, made = graph.input[0].name, graph.output[0].name
    for node in graph.node:
        node.input[:] = ["inner" if name == given else name for name in node.input]
        node.output[:] = ["outer" if name == made else name for name in node.output]
    graph.node.insert(0, helper.make_node("Transpose", [given], ["inner"], perm=[0, 3, 1, 2]))
    graph.node.append(helper.make_node("Transpose", ["outer"], [made], perm=[0, 2, 3, 1]))
    shape = [1, "h", "w", 3]
    graph.input[0].CopyFrom(helper.make_tensor_value_info(given, TensorProto.FLOAT, shape))
    graph.output[0].CopyFrom(helper.make_tensor_value_info(made, TensorProto.FLOAT, shape))
    graph.ClearField("value_info")


def fixed(model: onnx.ModelProto) -> None:
    """Say of a model that it takes pictures of one size, as many are exported."""
    for value in (*model.graph.input, *model.graph.output):
        for dim, size in zip(value.type.tensor_type.shape.dim, (1, 3, 256, 256), strict=True):
            dim.dim_value = size
    model.graph.ClearField("value_info")


def saved(path: Path, content: bytes, change: Callable[[onnx.ModelProto], None] = lambda model: None) -> Path:
    model = onnx.load_model(io.BytesIO(content))
    change(model)
    onnx.save(model, str(path))
    return path


def read(path: Path) -> tuple[nn.Module, Recognition]:
    found = architecture.read(path)
    assert found is not None
    weights, recognition = found
    network = architecture.build(recognition.parameters)
    network.load_state_dict({own: weights[theirs] for own, theirs in recognition.keys.items()})
    return network.eval(), recognition


def test_it_keeps_the_contract():
    check_architecture(architecture)


@pytest.mark.parametrize(("change", "layout"), [(lambda _: None, "NCHW"), (channels_last, "NHWC"), (fixed, "NCHW")],
                         ids=["open sizes", "channels last", "said to be of one size"])  # fmt: skip
def test_a_file_is_read_and_computes_what_the_network_does(
    tmp_path: Path, generator: nn.Module, content: bytes, change: Callable[[onnx.ModelProto], None], layout: str
):
    network, recognition = read(saved(tmp_path / "G.onnx", content, change))
    told = recognition.parameters
    assert (told["channels"], told["channels_out"], told["layout"], told["multiple"]) == (3, 3, layout, 4)
    assert len(told["graph"]) < 8000
    ours, theirs = (sum(weight.numel() for weight in one.parameters()) for one in (network, generator))
    assert ours > 0.99 * theirs
    for shape in ((2, 3, 64, 32), (1, 3, 36, 44)):
        x = torch.rand(shape) * 2 - 1
        with torch.inference_mode():
            assert (network(x) - generator(x)).abs().max() < 1e-4


def test_the_memory_that_is_reckoned_with_is_about_that_of_the_same_network_in_pytorch(tmp_path: Path, content: bytes):
    _, recognition = read(saved(tmp_path / "G.onnx", content))
    assert 0.3 < architecture.bytes_per_pixel(recognition.parameters) / (4 * 5.1 * 8 + 64) < 3


def test_the_backend_computes_the_file_itself_and_copies_have_sessions_of_their_own(tmp_path: Path, content: bytes):
    network, _ = read(saved(tmp_path / "G.onnx", content))
    assert check_parity(backend, nn.Sequential(nn.Identity(), network), LIMIT) < 1e-4
    x = torch.rand(1, 3, 32, 32)
    assert torch.equal(copy.deepcopy(network)(x), network(x))


def test_it_is_what_onnx_runtime_makes_of_the_file(tmp_path: Path, content: bytes):
    path = saved(tmp_path / "G.onnx", content)
    network, _ = read(path)
    x = np.random.default_rng(0).uniform(-1, 1, (1, 3, 64, 64)).astype(np.float32)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {session.get_inputs()[0].name: x})
    assert np.abs(network(torch.from_numpy(x)).numpy() - expected).max() < 1e-5


def test_other_files_are_not_looked_at(tmp_path: Path, content: bytes):
    (tmp_path / "G.pth").write_bytes(content)
    assert architecture.read(tmp_path / "G.pth") is None
    assert architecture.read(tmp_path / "none.onnx") is None


def foreign(model: onnx.ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("com.somebody", 1))


def elsewhere(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../etc/passwd"


def half(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT16
    model.graph.node.insert(0, helper.make_node("Cast", [model.graph.input[0].name], ["whole"], to=TensorProto.FLOAT))


def twice(model: onnx.ModelProto) -> None:
    model.graph.input.append(helper.make_tensor_value_info("style", TensorProto.FLOAT, [1, 8]))


def classifier(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("GlobalAveragePool", [model.graph.output[0].name], ["class"]))
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("class", TensorProto.FLOAT, None))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (foreign, "needs operations of com.somebody, which is code of somebody's own"),
        (elsewhere, "keeps its weights in other files|damaged ONNX file"),
        (half, "does not take pictures in float32"),
        (twice, "takes 2 inputs, and a picture is one"),
        (classifier, "makes no pictures of the size of those that it is given"),
    ],
)
def test_what_cannot_be_used_is_told_in_a_sentence(
    tmp_path: Path, content: bytes, change: Callable[[onnx.ModelProto], None], sentence: str
):
    with pytest.raises(ModelError, match=sentence):
        architecture.read(saved(tmp_path / "G.onnx", content, change))


def test_a_damaged_file_is_told_in_a_sentence(tmp_path: Path, content: bytes):
    (tmp_path / "G.onnx").write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelError, match="is a damaged ONNX file"):
        architecture.read(tmp_path / "G.onnx")


def test_constants_of_the_graph_are_weights_if_they_are_many(tmp_path: Path):
    kernel = numpy_helper.from_array(np.full((3, 3, 3, 3), 0.01, np.float32))
    nodes = [
        helper.make_node("Constant", [], ["kernel"], value=kernel),
        helper.make_node("Conv", ["given", "kernel"], ["made"], pads=[1, 1, 1, 1]),
    ]
    given, made = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 3, "h", "w"]) for n in ("given", "made"))
    graph = helper.make_graph(nodes, "constant", [given], [made])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    network, recognition = read(saved(tmp_path / "G.onnx", model.SerializeToString()))
    assert recognition.keys == {"weights.0": "kernel"}
    assert network(torch.ones(1, 3, 16, 16))[0, 0, 5, 5].item() == pytest.approx(0.27)
    assert recognition.parameters["multiple"] == 1


def test_a_graph_that_takes_no_size_is_refused_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    shape = numpy_helper.from_array(np.array([1, 3, 7, 7], np.int64))
    nodes = [
        helper.make_node("Constant", [], ["shape"], value=shape),
        helper.make_node("Reshape", ["given", "shape"], ["made"]),
    ]
    given, made = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 3, 7, 7]) for n in ("given", "made"))
    graph = helper.make_graph(nodes, "baked", [given], [made])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    monkeypatch.setattr(module, "_MULTIPLES", (1, 2))
    with pytest.raises(ModelError, match=r"\(ONNX Runtime: "):
        architecture.read(saved(tmp_path / "G.onnx", model.SerializeToString()))
