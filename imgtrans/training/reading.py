"""Crops read ahead of the training, by processes of their own if there are any."""

import contextlib
import functools
import os
import signal
from collections.abc import Iterator
from multiprocessing import resource_tracker

from torch import Tensor
from torch.utils.data import DataLoader

from imgtrans.training.dataset import RandomCrops

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def read_ahead(
    crops: RandomCrops, numbers: range, *, batch_size: int, workers: int, pin_memory: bool
) -> Iterator[dict[str, Tensor]]:
    """Return batches of crops, ``A`` and ``B`` (N, 3, H, W) each, in the order of their numbers.

    Args:
        crops: What is read.
        numbers: Which of them.
        batch_size: Of each domain.
        workers: Processes that read ahead; 0 reads here.
        pin_memory: Whether batches are copied to where a GPU gets them faster from.
    """
    loader = DataLoader(
        crops,
        batch_size=batch_size,
        sampler=numbers,
        num_workers=workers,
        worker_init_fn=functools.partial(_begin, os.getpid()),
        # A fork would copy locks that other threads hold for ever, and a fork server outlive a training that is killed.
        multiprocessing_context="spawn" if workers else None,
        pin_memory=pin_memory,
    )
    with _held_signals():
        return iter(loader)


@contextlib.contextmanager
def _held_signals() -> Iterator[None]:
    """Hold back the signals that stop a training, here for a moment and in processes that start now for good."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # else it starts with the workers, and lets these signals through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(parent: int, worker: int) -> None:
    """Let a worker live through a Ctrl-C, which reaches the whole process group: the parent stops in its own time."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    if os.getppid() != parent:  # killed meanwhile, which PyTorch notices only from here on
        os._exit(1)
