"""A network of PyTorch as the two files that ncnn reads, by ncnn's own converter, pnnx."""

import subprocess
import tempfile
import warnings
from pathlib import Path

import torch
from torch import nn

from imgtrans.errors import UnavailableError
from imgtrans.sessions import side_of

SECONDS = 600  # after which the converter is ended


def converted(network: nn.Module) -> tuple[str, bytes]:
    """Return a network, which maps (1, 3, H, W) in [-1, 1] to the same, as ncnn's description and its weights.

    Raises:
        UnavailableError: If pnnx is not there, or cannot.
    """
    try:
        import pnnx  # noqa: PLC0415 - takes a moment
    except ImportError as error:
        raise UnavailableError("ncnn's converter is not installed", "pip install pnnx") from error
    try:
        side = side_of(network)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that tracing is old; pnnx reads nothing else
            traced = torch.jit.trace(network, torch.zeros(1, 3, side, side), check_trace=False)  # type: ignore[no-untyped-call]
    except Exception as error:  # PyTorch raises whatever it meets
        raise UnavailableError(f"the network cannot be traced: {_first_line(error)}") from error
    with tempfile.TemporaryDirectory(prefix="imgtrans-ncnn-") as folder:
        traced.save(Path(folder) / "network.pt")
        # Two shapes, of which it sees what is open.
        shapes = [f"inputshape=[1,3,{side},{side}]", f"inputshape2=[1,3,{2 * side},{3 * side}]"]
        try:
            ended = subprocess.run(
                [pnnx.EXEC_PATH, "network.pt", *shapes, "fp16=0"],
                cwd=folder,
                capture_output=True,
                timeout=SECONDS,
                check=False,
            )
            description = (Path(folder) / "network.ncnn.param").read_text(encoding="ascii")
            weights = (Path(folder) / "network.ncnn.bin").read_bytes()
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            raise UnavailableError(f"ncnn's converter does not work here: {_first_line(error)}") from error
        if ended.returncode:
            raise UnavailableError(f"ncnn's converter ended with {ended.returncode}")
    return description, weights


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
