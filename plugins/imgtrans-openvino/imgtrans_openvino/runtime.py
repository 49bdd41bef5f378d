"""OpenVINO: a network of PyTorch as its model, and that as a function."""

import sys
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from imgtrans.errors import UnavailableError
from imgtrans.sessions import Values
from imgtrans_openvino.options import OpenvinoOptions

# OpenVINO reports its use to its makers, from the moment that it is imported, if it finds this package.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino  # noqa: E402 - behind that


def converted(network: nn.Module, side: int) -> Any:
    """Return a network, which maps (N, 3, H, W) in [-1, 1] to the same, as an OpenVINO model with N, H and W open.

    Args:
        network: It.
        side: One that it takes.

    Raises:
        UnavailableError: If it cannot be converted.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return openvino.convert_model(
                network, example_input=torch.zeros(1, 3, side, 2 * side), input=[-1, 3, -1, -1], verbose=False
            )
    except Exception as error:  # it raises whatever it meets
        raise UnavailableError(f"the network cannot be converted to OpenVINO: {_first_line(error)}") from error


def compiled(
    model: Any, options: OpenvinoOptions, precision: str
) -> tuple[Callable[[Values], Values], Callable[[], None]]:
    """Return a model as a function of arrays, and what breaks it off.

    Args:
        model: It.
        options: Device and threads.
        precision: As OpenVINO calls it.

    Raises:
        UnavailableError: If there is no such device, or it cannot.
    """
    core = openvino.Core()
    name = options.device.upper()
    if name not in {one.partition(".")[0] for one in core.available_devices}:
        raise UnavailableError(
            f"OpenVINO finds no {options.device} here, but {', '.join(core.available_devices).lower()}",
            "its driver may be missing; or leave -O openvino.device out",
        )
    settings: dict[str, Any] = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"}
    if options.device == "cpu":
        settings["INFERENCE_NUM_THREADS"] = options.threads or torch.get_num_threads()
    try:
        request = core.compile_model(model, name, settings).create_infer_request()
    except Exception as error:  # it has exceptions of its own for everything
        raise UnavailableError(f"OpenVINO cannot compile the network: {_first_line(error)}") from error

    def compute(values: Values) -> Values:
        try:
            result: Values = request.infer([values])[0].copy()  # what it returns is its own, and written over
        except Exception as error:
            if "alloc" in str(error).lower():
                raise MemoryError(str(error)) from error
            if "shape" in str(error).lower():
                raise ValueError(_first_line(error)) from error
            raise
        return result

    return compute, request.cancel


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
