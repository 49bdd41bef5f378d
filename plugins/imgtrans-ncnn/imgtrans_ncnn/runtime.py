"""ncnn: its two files as a function of arrays."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ncnn
import numpy as np
import torch

from imgtrans.errors import UnavailableError
from imgtrans.sessions import Values
from imgtrans_ncnn.options import NcnnOptions

# Half precision in any form, which it would take where it is faster.
_ROUNDED = ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_packed", "use_bf16_storage")
_OUT_OF_MEMORY = -100


def loaded(description: str, weights: bytes, options: NcnnOptions) -> Callable[[Values], Values]:
    """Return a network as a function of arrays.

    Args:
        description: ncnn's.
        weights: Likewise.
        options: Device and threads.

    Raises:
        UnavailableError: If there is no such device, or the network has something that ncnn lacks.
    """
    vulkan = options.device == "vulkan"
    if vulkan and options.card >= ncnn.get_gpu_count():
        count = ncnn.get_gpu_count()
        raise UnavailableError(
            f"ncnn finds {count or 'no'} graphics card{'s' * (count != 1)} with Vulkan here",
            "its driver may be missing; or leave -O ncnn.device out",
        )
    network = ncnn.Net()
    network.opt.use_vulkan_compute = vulkan
    network.opt.num_threads = options.threads or torch.get_num_threads()
    for name in _ROUNDED:
        if hasattr(network.opt, name):
            setattr(network.opt, name, False)
    if vulkan:
        network.set_vulkan_device(options.card)
    with tempfile.TemporaryDirectory(prefix="imgtrans-ncnn-") as folder:
        described, weighed = Path(folder) / "network.param", Path(folder) / "network.bin"
        described.write_text(description, encoding="ascii")
        weighed.write_bytes(weights)
        if network.load_param(str(described)) or network.load_model(str(weighed)):
            raise UnavailableError("the network has something that ncnn cannot compute")

    def compute(values: Values) -> Values:
        return np.stack([_one(network, picture) for picture in values])

    return compute


def _one(network: Any, picture: Values) -> Values:
    """Return what the network makes of (3, H, W)."""
    extractor = network.create_extractor()
    extractor.input("in0", ncnn.Mat(picture).clone())
    code, made = extractor.extract("out0")
    if code == _OUT_OF_MEMORY:
        raise MemoryError("ncnn has too little memory")
    if code:
        raise ValueError(f"ncnn cannot compute a picture of {picture.shape[2]}x{picture.shape[1]}")
    result: Values = np.array(made)
    return result
