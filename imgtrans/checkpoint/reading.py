"""Files to weights: the networks of a safetensors or PyTorch file, on the CPU, with no code ever run."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from safetensors import safe_open
from torch import Tensor

from imgtrans.checkpoint.containers import (
    Networks,
    UnclearNameError,
    is_optimiser,
    networks_in,
    optimisers_in,
    tensor_at,
)
from imgtrans.checkpoint.discriminators import describe_network
from imgtrans.checkpoint.kind import kind_of
from imgtrans.checkpoint.meaning import TensorInfo
from imgtrans.checkpoint.refusals import MOST_TENSORS, READABLE, damaged, listed, too_many
from imgtrans.checkpoint.torchfile import describe
from imgtrans.errors import ModelError

_LARGEST_HEADER = 16 << 20  # of 100,000 tensors with long names
_WHOLE = ("int", "uint", "bool")
_FLOATS = frozenset({"float64", "float32", "float16", "bfloat16"})


def read_networks(path: Path) -> dict[str, dict[str, Tensor]]:
    """Read the networks of a file onto the CPU, whatever device they were saved from; no code in it is ever run.

    Optimisers, schedulers and numbers that stand beside them are left out. What makes two networks of one file,
    and what their names and keys are: :func:`imgtrans.checkpoint.containers.networks_in`.

    Returns:
        At least one network: its name ("" if the file is a bare state dict) and its state dict, in the precision
        of the file. Next to floating-point weights it may have counters and masks, which are whole numbers.

    Raises:
        ModelError: If the file is anything else; the sentence says what it is.
    """
    with _opened(path) as file:
        kind = kind_of(path, file)
        if kind == "safetensors":
            tensors = _safetensors(path, file)
            networks = _networks(path, {name: _info(tensor) for name, tensor in tensors.items()})
            return {
                name: {key: tensor_at(tensors, at) for key, at in weights.items()} for name, weights in networks.items()
            }
        described = describe(path, file, kind)
        return {
            name: {key: described.values.tensor(tensor_at(described.content, at)) for key, at in weights.items()}
            for name, weights in _networks(path, described.content).items()
        }


def read_header(path: Path) -> dict[str, str]:
    """Return the entries that the header of a safetensors file has beside its tensors; none for other checkpoints.

    Raises:
        ModelError: If the file is no checkpoint.
    """
    with _opened(path) as file:
        if kind_of(path, file) != "safetensors":
            return {}
        _check_header(path, file)
        with safe_open(path, framework="pt") as opened:
            return dict(opened.metadata() or {})


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read the one network of a file; see :func:`read_networks`.

    Raises:
        ModelError: If the file holds several networks, or none; the sentence names them.
    """
    networks = read_networks(path)
    if len(networks) > 1:
        names = [
            f"{name or '(no name)'}{' (a discriminator)' if describe_network(shapes_of(weights)) else ''}"
            for name, weights in networks.items()
        ]
        raise ModelError(f"{path} holds {len(networks)} networks: {listed(names, 12)}", "choose one with --network")
    return next(iter(networks.values()))


def shapes_of(weights: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Return the shape of each tensor of a state dict."""
    return {name: tuple(tensor.shape) for name, tensor in weights.items()}


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file; whatever goes wrong with it becomes one sentence."""
    try:
        if path.is_dir():
            raise ModelError(f"{path} is a folder, not a checkpoint")
        if path.exists() and not path.is_file():  # to open a pipe would be to wait for ever
            raise ModelError(f"{path} is not a regular file")
        with path.open("rb") as file:
            yield file
    except ModelError:
        raise
    except FileNotFoundError:
        raise ModelError(f"there is no file {path}") from None
    except MemoryError as error:
        raise ModelError(f"{path} does not fit into the memory of this machine", READABLE) from error
    except OSError as error:
        if error.errno == errno.EINVAL:  # somebody was sent to a place before the file's beginning
            raise damaged(path, error) from error
        raise ModelError(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # a truncated or malformed file can raise anything
        raise damaged(path, error) from error


def _safetensors(path: Path, file: BinaryIO) -> dict[str, Tensor]:
    _check_header(path, file)
    with safe_open(path, framework="pt") as opened:
        names = opened.keys()
        if len(names) > MOST_TENSORS:
            raise too_many(path, len(names))
        return {name: opened.get_tensor(name) for name in names}


def _check_header(path: Path, file: BinaryIO) -> None:
    size = int.from_bytes(file.read(8), "little")
    if size > _LARGEST_HEADER:
        raise damaged(path, f"its header claims to have {size:,} bytes, more than that of any network")


def _info(tensor: Tensor) -> TensorInfo:
    return TensorInfo(str(tensor.dtype).removeprefix("torch."), tuple(tensor.shape))


def _networks(path: Path, content: object) -> Networks:
    """Return the networks of a file, or say why there are none."""
    try:
        networks = networks_in(content)
    except UnclearNameError as error:
        raise damaged(path, "the names of its tensors are no text") from error
    if not networks:
        raise ModelError(f"{path} {_instead(content)}", READABLE)
    for weights in networks.values():
        infos = {key: tensor_at(content, at) for key, at in weights.items()}
        only_whole = all(info.kind.startswith(_WHOLE) for info in infos.values())
        for key, info in infos.items():
            if kind := _oddness(info, only_whole):
                hint = "save it again in float32 or float16" if "float" in kind else READABLE
                raise ModelError(f"{path} does not hold plain floating-point weights: {key} is {kind}", hint)
    return networks


def _oddness(info: TensorInfo, only_whole: bool) -> str:
    """Return what keeps a tensor from being one of a network's, or nothing."""
    whole = info.kind.startswith(_WHOLE)
    if whole and not only_whole and len(info.shape) < 2:
        return ""  # a counter, like num_batches_tracked
    if whole or info.kind not in _FLOATS:  # no more than this can be computed with
        return info.kind
    return "" if info.complete else "without all its values"


def _instead(content: object) -> str:
    """Say what a file holds that holds no network."""
    if isinstance(content, TensorInfo):
        return "holds one Tensor, not a state dict"
    if isinstance(content, list | tuple | str):
        return f"holds one {type(content).__name__}, not a state dict"
    if not isinstance(content, dict) or not content:
        return "holds no weights at all"
    if is_optimiser(content):
        return "is the state of an optimiser, not of a network"
    if optimisers := optimisers_in(content):
        return f"holds the state of optimisers ({listed(optimisers)}), but no network"
    return f"holds no network, but other things ({listed([str(name) for name in content])})"
