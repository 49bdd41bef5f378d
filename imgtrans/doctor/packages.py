"""Python and the packages that imgtrans stands on, and whether they belong together."""

import platform
import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec

from imgtrans import __version__
from imgtrans.doctor.finding import GOOD, NOTE, WRONG, Finding

_PAIR = "install both anew, from one place: pip install --force-reinstall torch torchvision"
# What an extra brings, and what is missing without it.
_EXTRAS = {
    "heic": (("pillow_heif",), "HEIC and HEIF pictures are not read"),
    "depth": (("imagecodecs", "tifffile"), "16 bits a channel are not written"),
    "hf": (("huggingface_hub",), "models are not pulled from the Hugging Face Hub"),
    "onnx": (("onnx", "onnxruntime", "onnxscript"), "models are not exported to ONNX"),
}


def check_python() -> Iterator[Finding]:
    """Look at Python, and at this program."""
    yield Finding(GOOD, f"imgtrans {__version__}")
    yield Finding(GOOD, f"{platform.python_implementation()} {platform.python_version()} ({sys.executable})")
    yield Finding(GOOD, platform.platform())


def check_torch() -> Iterator[Finding]:
    """Look at PyTorch, its build, and torchvision, which has to be of the same one."""
    try:
        import torch
    except (ImportError, OSError) as error:  # a library that is missing is an OSError on some systems
        yield Finding(WRONG, f"PyTorch cannot be loaded: {' '.join(str(error).split())}", _PAIR)
        return
    build = (
        f"CUDA {torch.version.cuda}" if torch.version.cuda else f"ROCm {hip}" if (hip := torch.version.hip) else "CPU"
    )
    yield Finding(GOOD, f"torch {torch.__version__}, built for {build}, {torch.get_num_threads()} threads")
    try:
        vision, wanted = version("torchvision"), requires("torchvision") or []
    except PackageNotFoundError:
        yield Finding(NOTE, "torchvision is not installed", "pip install torchvision")
        return
    torches = [found[1] for text in wanted if (found := re.match(r"torch ?\(?==([^;)\s]+)", text))]
    if torches and torches[0].split("+")[0] != torch.__version__.split("+")[0]:
        yield Finding(WRONG, f"torchvision {vision} belongs to torch {torches[0]}, not {torch.__version__}", _PAIR)
        return
    try:
        import torchvision  # noqa: F401 - it registers what it computes with torch, which fails if they do not match
    except (ImportError, OSError, RuntimeError) as error:
        yield Finding(WRONG, f"torchvision {vision} cannot be loaded: {' '.join(str(error).split())}", _PAIR)
        return
    yield Finding(GOOD, f"torchvision {vision}")


def check_kernels() -> Iterator[Finding]:
    """Look at the loops in the processor's own code, which make networks faster on a CPU."""
    if find_spec("llvmlite") is None:
        yield Finding(
            NOTE, "llvmlite is not installed: networks are computed on the CPU by PyTorch alone", "pip install llvmlite"
        )
        return
    from imgtrans.kernels.machine import host

    machine = host()
    if machine.lanes:
        yield Finding(GOOD, f"kernels for this processor ({machine.cpu}), vectors of {32 * machine.lanes} bits")
    else:
        yield Finding(NOTE, f"there are no kernels for this processor ({machine.cpu}); PyTorch computes alone")


def check_extras() -> Iterator[Finding]:
    """Look at what can be installed besides."""
    for extra, (modules, without) in _EXTRAS.items():
        missing = [name for name in modules if find_spec(name) is None]
        if missing:
            yield Finding(NOTE, f"without {', '.join(missing)} {without}", f'pip install "imgtrans[{extra}]"')
        else:
            yield Finding(GOOD, f"extra {extra}: {', '.join(modules)}")
