"""ONNX Runtime: sessions with the provider that is asked for, or a sentence why there is none."""

from typing import Any

from imgtrans.errors import UnavailableError
from imgtrans_onnx.options import PROVIDERS

_ERRORS_ONLY = 3


def opened(model: bytes, provider: str, index: int, threads: int) -> Any:
    """Return an ``onnxruntime.InferenceSession``.

    Args:
        model: ONNX.
        provider: One of :data:`PROVIDERS`.
        index: Which of several cards.
        threads: On a CPU.

    Raises:
        UnavailableError: If ONNX Runtime is not there, lacks the provider, or does without it.
    """
    name, package = PROVIDERS[provider]
    try:
        import onnxruntime  # noqa: PLC0415 - which of its packages is installed is the user's choice
    except ImportError as error:
        raise UnavailableError("ONNX Runtime is not installed", f"pip install {package}") from error
    here = onnxruntime.get_available_providers()
    if name not in here:
        known = [one for one, (theirs, _) in PROVIDERS.items() if theirs in here]
        raise UnavailableError(
            f"ONNX Runtime has no {provider} here, but {', '.join(known)}",
            f"install {package}, or name another provider",
        )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    options.intra_op_num_threads = threads
    if provider == "directml":  # which can do neither
        options.enable_mem_pattern = False
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    try:
        session = onnxruntime.InferenceSession(model, options, providers=_providers(provider, index))
    except Exception as error:  # it has exceptions of its own for everything
        raise UnavailableError(f"ONNX Runtime cannot open the network: {_first_line(error)}") from error
    if session.get_providers()[0] != name:
        raise UnavailableError(
            f"ONNX Runtime has {provider}, but cannot use it", "look at its own page for the libraries that it needs"
        )
    return session


def _providers(provider: str, index: int) -> list[tuple[str, dict[str, Any]]]:
    """Return providers with their settings, each for what the one before it cannot compute."""
    card = {"device_id": index}
    cuda = ("CUDAExecutionProvider", {**card, "use_tf32": 0})  # as PyTorch: all bits of float32
    chains: dict[str, list[tuple[str, dict[str, Any]]]] = {
        "cpu": [],
        "cuda": [cuda],
        "tensorrt": [("TensorrtExecutionProvider", card), cuda],
        "directml": [("DmlExecutionProvider", card)],
        "coreml": [("CoreMLExecutionProvider", {"ModelFormat": "MLProgram"})],
    }
    return [*chains[provider], ("CPUExecutionProvider", {})]


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
