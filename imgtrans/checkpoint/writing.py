"""Weights to files, as safetensors."""

from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor


def write_weights(weights: dict[str, Tensor], path: Path, header: dict[str, str] | None = None) -> None:
    """Write a state dict as safetensors, with these entries in its header.

    Raises:
        OSError: If the file cannot be written, or the disk is full.
    """
    # Not save_file: it hides from others what it writes (mode 600), and a full disk is no OSError there.
    path.write_bytes(content_of(weights, header))


def content_of(weights: dict[str, Tensor], header: dict[str, str] | None = None) -> bytes:
    """Return what :func:`write_weights` writes."""
    # Copies, because the format has no place for tensors that share memory.
    copies = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for name, tensor in weights.items()
    }
    return save(copies, header)
