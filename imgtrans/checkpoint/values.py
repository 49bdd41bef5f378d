"""Tensors, made from a file's bytes as its pickle describes them."""

from collections.abc import Callable

import torch
from torch import Tensor

from imgtrans.checkpoint.meaning import TensorInfo


class Values:
    """Makes the tensors of one file; those that share a storage there share its memory here.

    Args:
        storage: Returns the bytes of a storage by its key.
        turned: Whether the bytes of each number stand in another order than on this machine.
    """

    def __init__(self, storage: Callable[[str], bytearray], *, turned: bool = False) -> None:
        self._storage, self._turned = storage, turned
        self._read: dict[tuple[str, torch.dtype], Tensor] = {}

    def tensor(self, info: TensorInfo) -> Tensor:
        """Return a plain tensor, on the CPU.

        Args:
            info: Its description, which has been compared with the size of its storage.
        """
        dtype: torch.dtype = getattr(torch, info.kind)
        if 0 in info.shape:
            return torch.empty(info.shape, dtype=dtype)
        whole = self._read.get((info.at, dtype))
        if whole is None:
            content = self._storage(info.at)
            if self._turned:
                for byte in range(dtype.itemsize // 2):
                    there = slice(byte, None, dtype.itemsize)
                    back = slice(dtype.itemsize - 1 - byte, None, dtype.itemsize)
                    content[there], content[back] = content[back], content[there]
            whole = torch.frombuffer(content, dtype=dtype, count=len(content) // dtype.itemsize)
            self._read[info.at, dtype] = whole
        return whole.as_strided(info.shape, info.stride, info.first)
