"""What can be set of the executor, as ``-O ray.KEY=VALUE``."""

from dataclasses import dataclass

from imgtrans.protocols import option


@dataclass(frozen=True)
class Options:
    """The executor's own options."""

    address: str = option("", "The cluster: auto or HOST:PORT; without one Ray is started on this machine.")
    models: int = option(
        0, "Processes with a model each, at most; 0 is one for each GPU there is now, or for each machine without any."
    )
    codecs: int = option(0, "Processes that read and write pictures, at most; 0 is what the models can use.")
    threads: int = option(0, "Threads that a model without a GPU computes with; 0 shares the cores out.")

    def __post_init__(self) -> None:
        for name in ("models", "codecs", "threads"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}, and cannot be less than 0")
