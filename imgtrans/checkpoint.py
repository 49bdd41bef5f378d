"""Files to weights: state dicts read safely from safetensors and PyTorch files, and written as safetensors."""

import pickle
import re
import warnings
import zipfile
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from torch import Tensor

from imgtrans.errors import ModelError

READABLE = "imgtrans reads safetensors files and PyTorch state dicts (.pth, .pt) of the CycleGAN ResNet generator"
_HEADER_BYTES = 512
_WEB = (b"<!doctype", b"<html", b"<?xml")
_LARGEST_HEADER = 100 << 20  # the limit of the safetensors format itself


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a state dict onto the CPU, whatever device it was saved from; no code in the file is ever run.

    Raises:
        ModelError: If the file is anything else; the sentence says what it is.
    """
    kind = _kind(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of old pickles and sparse tensors; what matters is said below
            if kind == "safetensors":
                content = load_file(path)
            else:
                with path.open("rb") as file:  # given a path, PyTorch goes by its suffix
                    content = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise _not_weights(path, error) from error
    except Exception as error:  # a truncated or malformed file can raise anything
        raise ModelError(f"{path} is damaged or incomplete: {_first_line(error)}", "get the file again") from error
    return _state_dict(path, content)


def write_weights(weights: dict[str, Tensor], path: Path) -> None:
    """Write a state dict as safetensors."""
    # Not save_file: it hides from others what it writes (mode 600), and a full disk is no OSError there. Copies,
    # because the format has no place for tensors that share memory.
    copies = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for name, tensor in weights.items()
    }
    path.write_bytes(save(copies))


def shapes_of(weights: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Return the shape of each tensor of a state dict."""
    return {name: tuple(tensor.shape) for name, tensor in weights.items()}


def _kind(path: Path) -> str:
    """Tell a safetensors from a PyTorch file by its first bytes, and say what it is if it is neither."""
    try:
        if path.is_dir():
            raise ModelError(f"{path} is a folder, not a checkpoint")
        if path.exists() and not path.is_file():  # to open a pipe would be to wait for ever
            raise ModelError(f"{path} is not a regular file")
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except FileNotFoundError:
        raise ModelError(f"there is no file {path}") from None
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from error
    if header[8:9] == b"{" and int.from_bytes(header[:8], "little") <= _LARGEST_HEADER:
        return "safetensors"
    archive = _archive(path) if header.startswith(b"PK") else ""
    if header[:1] == b"\x80" or archive == "torch":
        return "torch"
    start = header.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for what, matches in (
        ("is empty", not header),
        (f"is {archive}", archive),
        ("is a web page, not a checkpoint; the download went wrong", start.startswith(_WEB)),
        ("is a Git LFS pointer, not the file itself", header.startswith(b"version https://git-lfs")),
        ("is a picture", header.startswith((b"\xff\xd8\xff", b"\x89PNG", b"RIFF", b"GIF8"))),
        ("is an HDF5 file, as Keras writes", header.startswith(b"\x89HDF")),
        ("looks like an ONNX file", path.suffix.lower() == ".onnx"),
        ("is a GZIP file", header.startswith(b"\x1f\x8b")),
        ("is a text file, not a checkpoint", _is_text(header)),
    ):
        if matches:
            raise ModelError(f"{path} {what}", READABLE)
    raise ModelError(f"{path} is not a checkpoint", READABLE)


def _state_dict(path: Path, content: object) -> dict[str, Tensor]:
    if not isinstance(content, dict):
        raise ModelError(f"{path} holds one {type(content).__name__}, not a state dict", READABLE)
    if not content:
        raise ModelError(f"{path} holds no weights at all", READABLE)
    weights = {str(name): tensor for name, tensor in content.items() if isinstance(tensor, Tensor)}
    if len(weights) < len(content):
        if {"state", "param_groups"} <= content.keys():
            raise ModelError(f"{path} is the state of an optimiser, not of a network", READABLE)
        keys = ", ".join(str(key) for key in list(content)[:4])
        raise ModelError(f"{path} is not a bare state dict: it holds other things than tensors ({keys})", READABLE)
    for name, tensor in weights.items():
        if kind := _oddness(tensor):
            raise ModelError(f"{path} does not hold plain floating-point weights: {name} is {kind}", READABLE)
    return weights


def _oddness(tensor: Tensor) -> str:
    """Return what keeps a tensor from being plain weights, or nothing."""
    if tensor.layout is not torch.strided or not tensor.is_floating_point():
        return str(tensor.layout if tensor.layout is not torch.strided else tensor.dtype).removeprefix("torch.")
    # A few bytes can claim to be of any shape, and fill the memory once somebody computes with them.
    missing = tensor.is_meta or tensor.untyped_storage().nbytes() < tensor.numel() * tensor.element_size()
    return "without all its values" if missing else ""


def _archive(path: Path) -> str:
    """Tell what a ZIP file is, by the names in it: ``torch`` or a phrase."""
    try:
        with zipfile.ZipFile(path) as file:
            names = {name.partition("/")[2] for name in file.namelist()}
    except zipfile.BadZipFile as error:
        raise ModelError(f"{path} is damaged or incomplete: its end is missing", "get the file again") from error
    if any(name.startswith("code/") for name in names):
        return "a TorchScript program, which runs code of its own"
    return "torch" if "data.pkl" in names else "a ZIP archive, not a checkpoint"


def _not_weights(path: Path, error: pickle.UnpicklingError) -> ModelError:
    """Explain why the safe unpickler refused a file."""
    needed = re.search(r"GLOBAL ([\w.]+)", str(error))
    if not needed:
        return ModelError(f"{path} is a pickle, but not of weights", READABLE)
    return ModelError(
        f"{path} holds more than weights: loading it would run code ({needed[1]}), which a model file must not",
        "ask for the bare state dict (torch.save(model.state_dict(), ...)), which is safe to load",
    )


def _is_text(header: bytes) -> bool:
    try:
        return header.decode("utf-8", "strict").replace("\t", "").replace("\r", "").replace("\n", "").isprintable()
    except UnicodeDecodeError as error:
        return error.start >= _HEADER_BYTES - 4 and _is_text(header[: error.start])  # cut within a character


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
