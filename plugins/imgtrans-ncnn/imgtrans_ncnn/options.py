"""What users can say of the backend."""

from dataclasses import dataclass

from imgtrans.protocols import option


@dataclass(frozen=True)
class NcnnOptions:
    """The options of the backend ``ncnn``."""

    device: str = option("cpu", "What ncnn computes on; vulkan is any graphics card.", choices=("cpu", "vulkan"))
    card: int = option(0, "Which graphics card, if there are several.")
    threads: int = option(0, "Threads on a CPU; 0 is as many as PyTorch takes.")

    def __post_init__(self) -> None:
        """Refuse numbers below zero.

        Raises:
            ValueError: If one is.
        """
        for name in ("card", "threads"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}, which is less than none")
