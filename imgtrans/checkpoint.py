"""Files to weights: state dicts read safely from safetensors and PyTorch files, and written as safetensors."""

import pickle
import zipfile
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from imgtrans.errors import ModelError

READABLE = "imgtrans reads safetensors files and PyTorch state dicts (.pth, .pt) of the CycleGAN ResNet generator"
_HEADER_BYTES = 512
_LARGEST_HEADER = 100 << 20  # the limit of the safetensors format itself


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a state dict onto the CPU, whatever device it was saved from; no code in the file is ever run.

    Raises:
        ModelError: If the file is anything else; the sentence says what it is.
    """
    kind = _kind(path)
    try:
        if kind == "safetensors":
            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, EOFError, RuntimeError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path} is damaged or incomplete: {_first_line(error)}", "get the file again") from error
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{path} holds more than weights, and loading it would mean running code that it brings along",
            "ask for the bare state dict (torch.save(model.state_dict(), ...)), which is safe to load",
        ) from error
    except Exception as error:  # a malformed pickle can raise anything
        raise ModelError(f"{path} cannot be read as a PyTorch file: {_first_line(error)}", READABLE) from error
    return _state_dict(path, content)


def write_weights(weights: dict[str, Tensor], path: Path) -> None:
    """Write a state dict as safetensors."""
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}, path)


def shapes_of(weights: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Return the shape of each tensor of a state dict."""
    return {name: tuple(tensor.shape) for name, tensor in weights.items()}


def _kind(path: Path) -> str:
    """Tell a safetensors from a PyTorch file by its first bytes, and say what it is if it is neither."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except FileNotFoundError:
        raise ModelError(f"there is no file {path}") from None
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from error
    if header[8:9] == b"{" and int.from_bytes(header[:8], "little") <= min(size, _LARGEST_HEADER):
        return "safetensors"
    if header.startswith(b"PK") or header[:1] == b"\x80":
        return "torch"
    start = header.lstrip().lower()
    for what, matches in (
        ("is empty", not header),
        ("is a web page, not a checkpoint; the download went wrong", start.startswith((b"<!doctype", b"<html"))),
        ("is a Git LFS pointer, not the file itself", header.startswith(b"version https://git-lfs")),
        ("is a picture", header.startswith((b"\xff\xd8\xff", b"\x89PNG", b"RIFF", b"GIF8"))),
        ("is an HDF5 file, as Keras writes", header.startswith(b"\x89HDF")),
        ("looks like an ONNX file", path.suffix.lower() == ".onnx"),
        ("is a GZIP file", header.startswith(b"\x1f\x8b")),
    ):
        if matches:
            raise ModelError(f"{path} {what}", READABLE)
    raise ModelError(f"{path} is not a checkpoint", READABLE)


def _state_dict(path: Path, content: object) -> dict[str, Tensor]:
    if not isinstance(content, dict):
        raise ModelError(f"{path} holds a {type(content).__name__}, not a state dict", READABLE)
    weights = {str(name): tensor for name, tensor in content.items() if isinstance(tensor, Tensor)}
    if not weights or len(weights) < len(content):
        keys = ", ".join(str(key) for key in list(content)[:4]) or "nothing"
        raise ModelError(f"{path} is not a bare state dict of tensors; it holds {keys}", READABLE)
    return weights


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
