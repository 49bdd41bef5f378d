"""What users can say of the backend, and what stands behind each provider."""

from dataclasses import dataclass

from imgtrans.protocols import option

# What ONNX Runtime calls each, and the packages that have it.
PROVIDERS = {
    "cpu": ("CPUExecutionProvider", "onnxruntime"),
    "cuda": ("CUDAExecutionProvider", "onnxruntime-gpu"),
    "tensorrt": ("TensorrtExecutionProvider", "onnxruntime-gpu, and TensorRT"),
    "directml": ("DmlExecutionProvider", "onnxruntime-directml, on Windows"),
    "coreml": ("CoreMLExecutionProvider", "onnxruntime, on a Mac"),
}


@dataclass(frozen=True)
class OnnxOptions:
    """The options of the backend ``onnx``."""

    provider: str = option(
        "auto", "What ONNX Runtime computes with; auto goes by --device.", choices=("auto", *PROVIDERS)
    )
    threads: int = option(0, "Threads on a CPU; 0 is as many as PyTorch takes.")

    def __post_init__(self) -> None:
        """Refuse fewer threads than none.

        Raises:
            ValueError: If they are fewer.
        """
        if self.threads < 0:
            raise ValueError(f"threads is {self.threads}, which is less than none")
