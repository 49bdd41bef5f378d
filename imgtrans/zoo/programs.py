"""A network as a program of its own, for ONNX runtimes or PyTorch, with batch and size left open."""

import importlib.util
import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from imgtrans.errors import UnavailableError
from imgtrans.zoo.store import Model

# InstanceNormalization, Resize and reflecting Pad are all there since 11; 18 is what PyTorch's exporter is made for.
OPSET = 18
INPUT, OUTPUT = "pictures", "translated"

_ONNX_PACKAGES = ("onnx", "onnxruntime", "onnxscript")


@dataclass(frozen=True)
class Interface:
    """What pictures a network takes.

    Attributes:
        channels: How many they have.
        multiple: Their sides are multiples of this,
        smallest: and at least this, itself such a multiple.
    """

    channels: int
    multiple: int
    smallest: int

    def sizes(self, wanted: tuple[tuple[int, int, int], ...]) -> list[tuple[int, int, int]]:
        """Return sizes (batch, height, width) that it takes, no two alike, none smaller than those wanted."""
        found: list[tuple[int, int, int]] = []
        for batch, *sides in wanted:
            height, width = (max(self.smallest, -(-side // self.multiple) * self.multiple) for side in sides)
            while any((height, width) == size[1:] for size in found):
                width += self.multiple
            found.append((batch, height, width))
        return found


def check_onnx_is_here() -> None:
    """Make sure that networks can be exported to ONNX.

    Raises:
        UnavailableError: If they cannot.
    """
    missing = [name for name in _ONNX_PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise UnavailableError(f"ONNX needs {' and '.join(missing)}", 'pip install "imgtrans[onnx]"')


def facts(model: Model, interface: Interface) -> dict[str, str]:
    """Return what a program's user has to know and its graph does not say."""
    (low, high), (least, most) = model.card.value_range, model.card.made_range
    return {
        "model": model.name,
        "source": model.card.source,
        "target": model.card.target,
        "sha256": model.card.sha256,
        "licence": model.card.licence,
        "value_range": f"{low:g} {high:g}",
        "output_range": f"{least:g} {most:g}",
        "channel_order": model.card.channel_order,
        "multiple": str(interface.multiple),
        "smallest": str(interface.smallest),
    }


def _to_onnx(network: nn.Module, interface: Interface, model: Model) -> bytes:
    """Return a network as ONNX: one file, with a text for whoever opens it."""
    import onnx  # noqa: PLC0415 - an extra

    example, shapes = _open_input(interface)
    with _quiet():
        program = torch.onnx.export(
            network,
            (example,),
            dynamo=True,
            dynamic_shapes=(shapes,),
            input_names=[INPUT],
            output_names=[OUTPUT],
            opset_version=OPSET,
            verbose=False,
        )
    assert program is not None
    proto = program.model_proto
    _strip(proto)
    (low, high), (least, most) = model.card.value_range, model.card.made_range
    proto.producer_name = "imgtrans"
    proto.doc_string = (
        f"{model.name}: {INPUT} (N, {interface.channels}, H, W) to {OUTPUT}, values from {low:g} to {high:g} "
        f"(of {OUTPUT}, {least:g} to {most:g}), colours as {model.card.channel_order}; "
        f"H and W are multiples of {interface.multiple}, at least {interface.smallest}."
    )
    onnx.helper.set_model_props(proto, facts(model, interface))
    content: bytes = proto.SerializeToString()
    return content


def _strip(proto: Any) -> None:
    """Take out where on this machine each node's Python is, which is nobody's business and a fifth of the file."""
    graph = proto.graph
    for thing in (graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        thing.ClearField("metadata_props")
    graph.ClearField("value_info")


def _to_torch_export(network: nn.Module, interface: Interface, model: Model) -> bytes:
    """Return a network as PyTorch's own program format (``torch.export.load``)."""
    example, shapes = _open_input(interface)
    buffer = io.BytesIO()
    with _quiet():
        program: ExportedProgram = torch.export.export(network, (example,), dynamic_shapes=(shapes,))
        for node in program.graph.nodes:
            node.meta.pop("stack_trace", None)  # paths of this machine
        torch.export.save(program, buffer, extra_files={"imgtrans.json": json.dumps(facts(model, interface))})
    return buffer.getvalue()


def _run_onnx(path: Path) -> Callable[[Tensor], Tensor]:
    import onnxruntime  # noqa: PLC0415 - an extra

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    return lambda pictures: torch.from_numpy(session.run([OUTPUT], {INPUT: pictures.numpy()})[0])


def _run_torch_export(path: Path) -> Callable[[Tensor], Tensor]:
    with _quiet():
        module: nn.Module = torch.export.load(io.BytesIO(path.read_bytes())).module()
    return module


WRITERS = {"onnx": _to_onnx, "torch.export": _to_torch_export}
READERS = {"onnx": _run_onnx, "torch.export": _run_torch_export}


def _open_input(interface: Interface) -> tuple[Tensor, dict[int, Any]]:
    """Return an example of the input, and which of its dimensions are open."""
    # No side is 1 multiple long, which PyTorch would take for a constant.
    ((batch, height, width),) = interface.sizes(((2, 2 * interface.multiple, 3 * interface.multiple),))
    least = max(1, interface.smallest // interface.multiple)
    sides = (Dim("h", min=least), Dim("w", min=least))
    if interface.multiple > 1:
        sides = (interface.multiple * sides[0], interface.multiple * sides[1])
    return torch.zeros(batch, interface.channels, height, width), {0: Dim("batch"), 2: sides[0], 3: sides[1]}


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep PyTorch's exporters from speaking to the user, who can do nothing about what they say."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
