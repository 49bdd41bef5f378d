"""What users can say of the backend."""

from dataclasses import dataclass
from pathlib import Path

from imgtrans.protocols import option

PRECISIONS = ("float32", "bfloat16", "int8")
FEWEST, MOST = 8, 300  # pictures to calibrate with
_NO_FOLDER = Path()


@dataclass(frozen=True)
class OpenvinoOptions:
    """The options of the backend ``openvino``."""

    device: str = option("cpu", "What OpenVINO computes on; gpu and npu are Intel's.", choices=("cpu", "gpu", "npu"))
    precision: str = option(
        "float32",
        "In what it computes; int8 is fitted to the pictures of openvino.calibration.",
        choices=PRECISIONS,
        decides=True,
    )
    calibration: Path = option(_NO_FOLDER, "A folder of 8 pictures or more, such as the model is for.", decides=True)
    threads: int = option(0, "Threads on a CPU; 0 is as many as PyTorch takes.")

    def __post_init__(self) -> None:
        """Refuse what makes no sense together.

        Raises:
            ValueError: If something does not.
        """
        if self.threads < 0:
            raise ValueError(f"threads is {self.threads}, which is less than none")
        if (self.precision == "int8") != (self.calibration != _NO_FOLDER):
            raise ValueError("precision=int8 and calibration=FOLDER go together")
