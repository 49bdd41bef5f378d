"""The backend ``onnx``: networks computed by ONNX Runtime."""

import copy
from typing import TYPE_CHECKING, Any

from imgtrans.errors import UnavailableError
from imgtrans.sessions import ArraySession, Values, difference
from imgtrans_onnx.options import OnnxOptions

if TYPE_CHECKING:
    import torch
    from torch import nn

LIMIT = 1e-3  # how far values in [-1, 1] may be from the plain network's
_DEVICES = {"cpu": "cpu", "cuda": "cuda"}


class OnnxBackend:
    """Makes sessions of ONNX Runtime.

    Args:
        options: What the user says.
    """

    name = "onnx"
    Options = OnnxOptions

    def __init__(self, options: OnnxOptions = OnnxOptions()) -> None:  # noqa: B008 - it is frozen
        self._options = options

    def configured(self, options: OnnxOptions) -> "OnnxBackend":
        """Return the backend with options."""
        return OnnxBackend(options)

    def open(self, network: "nn.Module", device: "torch.device", precision: "torch.dtype") -> ArraySession:
        """Export a network, open it, and try whether it still computes what it did.

        Raises:
            UnavailableError: If it cannot be exported or opened, or comes out differently.
        """
        import torch  # noqa: PLC0415 - what an option is called takes none of its seconds

        from imgtrans_onnx.exporting import INPUT, OUTPUT, exported  # noqa: PLC0415 - likewise
        from imgtrans_onnx.network import OnnxNetwork  # noqa: PLC0415 - likewise
        from imgtrans_onnx.runtime import opened  # noqa: PLC0415 - likewise

        provider = self._options.provider
        if provider == "auto":
            if device.type not in _DEVICES:
                raise UnavailableError(
                    f"onnx has no provider for {device.type}", "name one, as -O onnx.provider=coreml --device cpu"
                )
            provider = _DEVICES[device.type]
        if precision is not torch.float32:
            raise UnavailableError("onnx computes in float32", "leave --precision out, or say float32")
        index, threads = device.index or 0, self._options.threads or torch.get_num_threads()
        if any(isinstance(module, OnnxNetwork) for module in network.modules()):
            return _as_it_is(network, provider, index, threads)
        return checked(opened(exported(network), provider, index, threads), network, INPUT, OUTPUT)


def _as_it_is(network: "nn.Module", provider: str, index: int, threads: int) -> ArraySession:
    """Return a session of a network that is an ONNX graph already, in whatever brings pictures to its terms."""
    import torch  # noqa: PLC0415 - as above

    from imgtrans_onnx.network import OnnxNetwork  # noqa: PLC0415 - as above

    ours = copy.deepcopy(network)
    for module in ours.modules():
        if isinstance(module, OnnxNetwork):
            module.provider, module.threads = (provider, index), threads

    def compute(values: Values) -> Values:
        with torch.inference_mode():
            return ours(torch.from_numpy(values)).numpy()  # type: ignore[no-any-return]

    _check(difference(compute, network))
    return ArraySession(compute)


def checked(session: Any, network: "nn.Module", given: str, made: str) -> ArraySession:
    """Return a session of ONNX Runtime as one of imgtrans, once it has computed what the plain network does.

    Args:
        session: It.
        network: The network.
        given: What its input is called.
        made: What its output is called.

    Raises:
        UnavailableError: If it computes something else.
    """
    import onnxruntime  # noqa: PLC0415 - whoever has a session has it

    how = onnxruntime.RunOptions()

    def compute(values: Values) -> Values:
        try:
            (result,) = session.run([made], {given: values}, how)
        except Exception as error:  # it has exceptions of its own for everything
            if "alloc" in str(error).lower():
                raise MemoryError(str(error)) from error
            if "DIMENSION" in str(error).upper() or "SHAPE" in str(error).upper():
                raise ValueError(str(error).strip().splitlines()[0]) from error
            raise
        return result  # type: ignore[no-any-return]

    def cancel() -> None:
        how.terminate = True

    _check(difference(compute, network))
    return ArraySession(compute, cancel)


def _check(largest: float) -> None:
    if not largest <= LIMIT:  # nor is NaN
        raise UnavailableError(f"what ONNX Runtime computes differs from the plain network by {largest:.1g}")


backend = OnnxBackend()
