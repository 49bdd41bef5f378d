"""Crops that others read ahead are the same, in the same order, and signals for the training do not stop it."""

import contextlib
import os
import signal
from multiprocessing import resource_tracker
from pathlib import Path

import psutil
import pytest
import torch

from imgtrans.training.dataset import ImageDataset, RandomCrops
from imgtrans.training.reading import read_ahead

# A machine of one core is warned of two workers.
pytestmark = pytest.mark.filterwarnings("ignore:.*worker processes.*:UserWarning")


@pytest.fixture
def crops(data: Path) -> RandomCrops:
    return RandomCrops(ImageDataset(data), 32, 1.5, seed=3)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_workers_give_the_same_items_in_the_same_order(crops: RandomCrops, batch_size: int) -> None:
    alone, shared = (
        [*read_ahead(crops, range(2, 14), batch_size=batch_size, workers=workers, pin_memory=False)]
        for workers in (0, 2)
    )
    assert len(alone) == len(shared) == 12 // batch_size
    assert all(torch.equal(one[name], other[name]) for one, other in zip(alone, shared, strict=True) for name in "AB")


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_workers_live_through_what_stops_a_training_from_their_first_moment_on(crops: RandomCrops) -> None:
    resource_tracker.ensure_running()
    others = {child.pid for child in psutil.Process().children()}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    batches = read_ahead(crops, range(4), batch_size=1, workers=2, pin_memory=False)
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before
    workers = [child for child in psutil.Process().children() if child.pid not in others]
    assert len(workers) == 2
    for worker in workers:
        for number in (signal.SIGINT, signal.SIGTERM):
            worker.send_signal(number)
    assert len([*batches]) == 4
    del batches
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.wait_procs(workers, timeout=30)
    assert not [worker for worker in workers if worker.is_running()]
