"""The backend ``openvino``: networks computed by OpenVINO."""

from typing import TYPE_CHECKING, Any

import numpy as np

from imgtrans.errors import UnavailableError
from imgtrans.sessions import ArraySession, Values, difference, side_of
from imgtrans_openvino.options import OpenvinoOptions

if TYPE_CHECKING:
    import torch
    from torch import nn

# How far values in [-1, 1] may be from the plain network's: float32 by rounding, bfloat16 by its eight bits.
LIMITS = {"float32": 1e-3, "bfloat16": 0.3}
_HINTS = {"float32": "f32", "bfloat16": "bf16", "int8": "f32"}


class OpenvinoBackend:
    """Makes sessions of OpenVINO.

    Args:
        options: What the user says.
    """

    name = "openvino"
    Options = OpenvinoOptions

    def __init__(self, options: OpenvinoOptions = OpenvinoOptions()) -> None:  # noqa: B008 - it is frozen
        self._options = options

    def configured(self, options: OpenvinoOptions) -> "OpenvinoBackend":
        """Return the backend with options."""
        return OpenvinoBackend(options)

    def open(self, network: "nn.Module", device: "torch.device", precision: "torch.dtype") -> ArraySession:
        """Convert a network, compile it, and try whether it still computes what it did.

        Raises:
            UnavailableError: If it cannot be converted or compiled, or comes out differently.
            FilesError: If there are too few pictures to calibrate with.
        """
        from imgtrans_openvino.runtime import compiled, converted  # noqa: PLC0415 - takes seconds

        chosen = self._options.precision
        wanted = str(precision).removeprefix("torch.")
        if device.type != "cpu":
            raise UnavailableError(
                f"openvino does not compute on {device.type}",
                "leave --device to it: --device cpu -O openvino.device=gpu",
            )
        if wanted != "float32":
            if (chosen, wanted) != ("float32", "bfloat16"):
                raise UnavailableError(f"openvino computes in {chosen}, not in {wanted}", "leave --precision out")
            chosen = wanted
        side = side_of(network)
        model = converted(network, side)
        if chosen == "int8":
            return self._in_int8(network, model, side)
        compute, cancel = compiled(model, self._options, _HINTS[chosen])
        largest = difference(compute, network)
        if not largest <= LIMITS[chosen]:  # nor is NaN
            raise UnavailableError(f"what OpenVINO computes differs from the plain network by {largest:.1g}")
        return ArraySession(
            compute, cancel, "" if chosen == "float32" else f"{chosen}: differs by {largest:.2g} at most"
        )

    def _in_int8(self, network: "nn.Module", model: Any, side: int) -> ArraySession:
        """Return a session in int8, which says what that costs on the pictures it was calibrated with."""
        from imgtrans_openvino.calibration import pictures, quantised  # noqa: PLC0415 - for this alone
        from imgtrans_openvino.runtime import compiled  # noqa: PLC0415 - as above

        seen = pictures(self._options.calibration, side)
        compute, cancel = compiled(quantised(model, seen), self._options, _HINTS["int8"])
        worst, mean = _loss(compute, network, seen[:: max(1, len(seen) // 8)])
        apart = f"{mean * 127.5:.1f} of 255 in the mean, {worst * 127.5:.0f} at most"
        return ArraySession(compute, cancel, f"int8, fitted to {len(seen)} pictures: differs by {apart}")


def _loss(compute: Any, network: "nn.Module", seen: list[Values]) -> tuple[float, float]:
    """Return how far values in [-1, 1] are from the plain network's, at most and in the mean."""
    import torch  # noqa: PLC0415 - a backend is loaded without

    apart = []
    for one in seen:
        with torch.inference_mode():
            apart.append(np.abs(compute(one) - network(torch.from_numpy(one)).numpy()))
    return max(float(one.max()) for one in apart), float(np.mean([one.mean() for one in apart]))


backend = OpenvinoBackend()
