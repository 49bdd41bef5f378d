"""Generators that are ONNX files, as an architecture of imgtrans: read, tried for the sizes they take, and kept."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from imgtrans.errors import ModelError
from imgtrans.protocols import Parameters, Recognition
from imgtrans_onnx import graph
from imgtrans_onnx.network import OnnxNetwork

LAYOUTS = ("NCHW", "NHWC")
USUAL = {"value_range": [-1.0, 1.0], "channel_order": "RGB"}
_MULTIPLES = tuple(2**n for n in range(9))
_SIDE = 64  # about, of the pictures that a graph is tried with
_CHANNELS = (1, 3)


class OnnxGraph:
    """Any network of pictures as an ONNX graph; what it computes stands in the card, its weights beside it."""

    name = "onnx"

    def read(self, path: Path) -> tuple[dict[str, Tensor], Recognition] | None:
        """Return the weights and the graph of an ONNX file; see :class:`imgtrans.protocols.Reading`.

        Raises:
            ModelError: If it is one, but no network of pictures of any size in float32.
        """
        if path.suffix.lower() != ".onnx" or not path.is_file():
            return None
        model = graph.parsed(path)
        weights = {tensor.name for tensor in model.graph.initializer}
        given = [one for one in model.graph.input if one.name not in weights]
        if len(given) != 1:
            raise ModelError(f"{path} takes {len(given)} inputs, and a picture is one")
        if given[0].type.tensor_type.elem_type != 1:
            raise ModelError(f"{path} does not take pictures in float32", "save it in float32")
        shape = [dim.dim_value for dim in given[0].type.tensor_type.shape.dim]
        if len(shape) != 4 or not {shape[1], shape[3]} & {*_CHANNELS}:
            raise ModelError(f"{path} takes {'x'.join(map(str, shape))}, which is no picture")
        last = shape[1] not in _CHANNELS
        for one in [one for one in model.graph.input if one.name in weights]:
            model.graph.input.remove(one)
        graph.opened_up(model, last=last)
        needed = graph.bytes_per_pixel(model, last=last)
        text, arrays = graph.divided(model)
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        channels = shape[3 if last else 1]
        multiple, smallest, channels_out = _tried(path, text, tensors, channels, last=last)
        parameters = {
            "channels": channels,
            "channels_out": channels_out,
            "layout": LAYOUTS[last],
            "multiple": multiple,
            "smallest": smallest,
            "bytes_per_pixel": float(round(needed)),
            "graph": text,
        }
        keys = {f"weights.{at}": name for at, name in enumerate(tensors)}
        alternatives: tuple[Parameters, ...] = tuple({"value_range": ends} for ends in ([0.0, 1.0], [0.0, 255.0]))
        return tensors, Recognition(parameters, keys, "ONNX", dict(USUAL), alternatives)

    def recognise(self, shapes: Mapping[str, tuple[int, ...]]) -> Recognition | None:
        """Return None: weights without their graph are no network."""
        return None

    def build(self, parameters: Parameters) -> nn.Module:
        """Build the network.

        Raises:
            ValueError: If the parameters are no graph's.
        """
        limits = {"channels": (1, 3), "channels_out": (1, 3), "multiple": (1, 256), "smallest": (1, 4096)}
        if unknown := sorted(parameters.keys() - {*limits, "layout", "bytes_per_pixel", "graph"}):
            raise ValueError(f"{unknown[0]} is no parameter of an ONNX graph")
        for name, (least, most) in limits.items():
            value = parameters.get(name)
            if type(value) is not int or not least <= value <= most:  # True is an int, too
                raise ValueError(f"{name} is {value!r}, which is no whole number from {least} to {most}")
        if parameters["smallest"] % parameters["multiple"]:
            raise ValueError("smallest is no multiple of multiple")
        needed = parameters.get("bytes_per_pixel")
        if type(needed) is not float or not 0 < needed < 1e6:
            raise ValueError(f"bytes_per_pixel is {needed!r}, which is not a number from 0 to a million")
        if parameters.get("layout") not in LAYOUTS or type(parameters["layout"]) is not str:
            raise ValueError(f"layout is {parameters.get('layout')!r}, which is none of {', '.join(LAYOUTS)}")
        return OnnxNetwork(parameters.get("graph"), parameters["channels_out"], last=parameters["layout"] == "NHWC")

    def multiple(self, parameters: Parameters) -> int:
        """Return what the sides were found to be multiples of."""
        return int(parameters["multiple"])

    def smallest(self, parameters: Parameters) -> int:
        """Return the least side that was found to work."""
        return int(parameters["smallest"])

    def layouts(self, parameters: Parameters) -> Mapping[str, Mapping[str, str]]:
        """Return none: nobody else has these names."""
        return {}

    def bytes_per_pixel(self, parameters: Parameters) -> float:
        """Return what was reckoned from the sizes of the graph's maps."""
        return float(parameters["bytes_per_pixel"])

    def examples(self) -> list[Parameters]:
        """Return a graph that makes negatives, and one with weights and channels last."""
        from imgtrans_onnx.examples import negative, weighted  # noqa: PLC0415 - the tests alone need them

        common: dict[str, Any] = {"channels": 3, "channels_out": 3, "multiple": 1, "smallest": 8}
        return [
            {**common, "layout": "NCHW", "bytes_per_pixel": 36.0, "graph": negative()},
            {**common, "layout": "NHWC", "bytes_per_pixel": 96.0, "graph": weighted()},
        ]


def _tried(path: Path, text: str, weights: dict[str, Tensor], channels: int, *, last: bool) -> tuple[int, int, int]:
    """Return of what sides are multiples that a graph keeps, the least that works, and the channels that come out.

    Raises:
        ModelError: If it keeps none.
    """
    network = OnnxNetwork(text, channels, last=last)
    network.load_state_dict({f"weights.{at}": tensor for at, tensor in enumerate(weights.values())})
    reason: Exception | None = None

    def made(height: int, width: int) -> int:
        nonlocal reason
        try:
            out = network(torch.zeros(1, channels, height, width))
        except ValueError as error:
            reason = reason or error
            return 0
        return int(out.shape[1]) if out.ndim == 4 and out.shape[2:] == (height, width) else 0

    for multiple in _MULTIPLES:
        odd = max(1, _SIDE // multiple) | 1
        found = made(multiple * odd, multiple * (odd + 2))
        if found in _CHANNELS:
            sides = (multiple * times for times in (1, 2, 3, 4, 5, 8, 16, 32, odd))
            smallest = next((side for side in sides if side >= 8 and made(side, side)), multiple * odd)
            return multiple, smallest, found
    said = f" ({reason})" if reason else ""
    raise ModelError(
        f"{path} makes no pictures of the size of those that it is given, for any size{said}",
        "export it with height and width left open",
    )


architecture = OnnxGraph()
