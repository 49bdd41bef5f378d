"""Networks as programs: any batch and size, without a trace of the machine that made them."""

import io
import json
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import onnx
import onnxruntime
import pytest
import torch

import imgtrans
from imgtrans.architectures.family import architecture
from imgtrans.architectures.resnet import GeneratorResNet
from imgtrans.card import Card
from imgtrans.checkpoint import write_weights
from imgtrans.errors import UnavailableError
from imgtrans.zoo.export import Exported, export
from imgtrans.zoo.programs import OPSET, Interface, check_onnx_is_here
from imgtrans.zoo.store import Model
from tests.conftest import TINY_PARAMETERS

CARD = Card("tiny", "day", "night", "resnet", dict(TINY_PARAMETERS), "ab12", licence="CC0")
SIZES = [(1, 8, 8), (3, 16, 24), (2, 40, 8)]


@pytest.fixture(scope="module")
def model(tiny_weights: Path, tiny_network: GeneratorResNet) -> Model:
    return Model(CARD, tiny_weights, keys={key: key for key in tiny_network.state_dict()})


@pytest.fixture(scope="module")
def onnx_export(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Exported]]:
    path = tmp_path_factory.mktemp("onnx") / "tiny.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield path, export(model, path, "onnx")


@pytest.fixture(scope="module")
def torch_export(model: Model, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Exported]:
    path = tmp_path_factory.mktemp("pt2") / "tiny.pt2"
    return path, export(model, path, "torch.export")


@pytest.mark.parametrize(("batch", "height", "width"), SIZES)
def test_an_onnx_file_takes_any_batch_and_size(
    onnx_export: tuple[Path, Exported], tiny_network: GeneratorResNet, batch: int, height: int, width: int
):
    session = onnxruntime.InferenceSession(onnx_export[0], providers=["CPUExecutionProvider"])
    pictures = torch.rand(batch, 3, height, width)
    (translated,) = session.run(None, {"pictures": pictures.numpy()})
    assert torch.allclose(torch.from_numpy(translated), tiny_network(pictures), atol=1e-4)


@pytest.mark.parametrize(
    "variant",
    [
        {"upsampling": "bilinear", "activation": "gelu"},
        {"upsampling": "bicubic", "activation": "elu", "head": "sigmoid"},
        {"activation": "leaky_relu:0.2", "residual_output": True, "end_padding": "zero"},
        {"activation": "silu", "norm": "batch", "statistics": "own", "down_padding": "replicate"},
        {"tracked": True, "block_relu": True, "upsampling": "transpose", "up_kernel": 4},
    ],
    ids=str,
)
@pytest.mark.parametrize("to", ["onnx", "torch.export"])
def test_what_weights_do_not_tell_is_in_a_program(variant: dict[str, object], to: str, tmp_path: Path):
    parameters = {**TINY_PARAMETERS, **variant}
    torch.manual_seed(0)
    network = architecture.build(parameters).eval()
    weights = {key: tensor for key, tensor in network.state_dict().items() if not key.endswith("num_batches_tracked")}
    write_weights(weights, tmp_path / "net.safetensors")
    model = Model(Card("net", "", "", "resnet", parameters, "", output_range=(0.0, 1.0)), tmp_path / "net.safetensors")
    assert export(model, tmp_path / "net", to).largest < 2e-5


def test_an_onnx_file_says_what_it_takes(onnx_export: tuple[Path, Exported]):
    proto = onnx.load(onnx_export[0])
    onnx.checker.check_model(proto, full_check=True)
    assert {entry.domain: entry.version for entry in proto.opset_import} == {"": OPSET}
    for value, name in ((proto.graph.input[0], "pictures"), (proto.graph.output[0], "translated")):
        assert value.name == name
        shape = [dimension.dim_param or dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
        assert shape == ["batch", 3, "4*h", "4*w"]
    said = {entry.key: entry.value for entry in proto.metadata_props}
    assert said == {
        "model": "tiny",
        "source": "day",
        "target": "night",
        "sha256": "ab12",
        "licence": "CC0",
        "value_range": "-1 1",
        "output_range": "-1 1",
        "channel_order": "RGB",
        "multiple": "4",
        "smallest": "8",
    }
    assert "values from -1 to 1" in proto.doc_string
    assert [tensor.data_location for tensor in proto.graph.initializer] == [0] * len(proto.graph.initializer)


def test_what_is_reported_was_measured(onnx_export: tuple[Path, Exported]):
    done = onnx_export[1]
    assert [(d.batch, d.height, d.width) for d in done.differences] == [(1, 64, 64), (2, 96, 128)]
    assert 0 < done.largest < 1e-4  # other kernels, so that not a bit of a difference would be odd
    assert (done.layout, done.channels, done.multiple, done.smallest) == ("", 3, 4, 8)


@pytest.mark.parametrize(("batch", "height", "width"), SIZES)
def test_a_torch_export_takes_any_batch_and_size(
    torch_export: tuple[Path, Exported], tiny_network: GeneratorResNet, batch: int, height: int, width: int
):
    program = torch.export.load(io.BytesIO(torch_export[0].read_bytes())).module()
    pictures = torch.rand(batch, 3, height, width)
    assert torch.allclose(program(pictures), tiny_network(pictures), atol=1e-5)


def test_a_torch_export_says_what_it_takes(torch_export: tuple[Path, Exported]):
    extra = {"imgtrans.json": ""}
    torch.export.load(io.BytesIO(torch_export[0].read_bytes()), extra_files=extra)
    assert json.loads(extra["imgtrans.json"])["value_range"] == "-1 1"
    assert torch_export[1].largest < 1e-6


def test_programs_do_not_tell_where_they_were_made(
    onnx_export: tuple[Path, Exported], torch_export: tuple[Path, Exported]
):
    for path, _ in (onnx_export, torch_export):
        content = path.read_bytes()
        assert str(Path(imgtrans.__file__).parent).encode() not in content
        assert str(path.parent).encode() not in content


def test_without_its_packages_onnx_is_not_to_be_had(monkeypatch: pytest.MonkeyPatch, model: Model, tmp_path: Path):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UnavailableError, match="ONNX needs onnxruntime and onnxscript") as refusal:
        export(model, tmp_path / "tiny.onnx", "onnx")
    assert refusal.value.hint == 'pip install "imgtrans[onnx]"'
    monkeypatch.undo()
    check_onnx_is_here()


@pytest.mark.parametrize(
    ("interface", "sizes"),
    [
        (Interface(3, 4, 8), [(1, 64, 64), (2, 96, 128)]),
        (Interface(3, 1, 1), [(1, 64, 64), (2, 96, 128)]),
        (Interface(3, 256, 256), [(1, 256, 256), (2, 256, 512)]),
        (Interface(3, 8, 200), [(1, 200, 200), (2, 200, 208)]),
    ],
)
def test_sizes_are_such_that_a_network_takes_them(interface: Interface, sizes: list[tuple[int, int, int]]):
    assert interface.sizes(((1, 64, 64), (2, 96, 128))) == sizes
