"""The contract of a backend."""

from copy import deepcopy
from itertools import product

import numpy as np
import torch
from torch import nn

from imgtrans.protocols import Backend, Interrupted, Interruptible
from imgtrans.testing.promise import require

_BATCHES = ((1, 8, 8), (3, 8, 16), (2, 24, 8))
_KINDS = ((np.uint8, 255, 1), (np.uint16, 65535, 8))  # the most that a value can be, and be wrong by


def check_backend(backend: Backend) -> None:
    """Check all that :class:`imgtrans.protocols.Backend` and its sessions promise, on the CPU in float32.

    Raises:
        AssertionError: If it does not keep a promise; the message says which.
    """
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, 3, padding=1), nn.Tanh())
    network = network.eval().requires_grad_(False)
    reference = deepcopy(network)
    session = backend.open(network, torch.device("cpu"), torch.float32)
    for shape, (kind, top, allowed) in product(_BATCHES, _KINDS):
        pictures = np.random.default_rng(0).integers(0, top + 1, (*shape, 3), kind)
        before = pictures.copy()
        x = torch.from_numpy(before.astype(np.float32)).permute(0, 3, 1, 2) / (top / 2) - 1
        expected = (reference(x) + 1) * (top / 2)
        result = session.run(pictures)
        said = f"{backend.name}, given {pictures.shape} of {kind.__name__},"
        require(result.dtype == kind, f"{said} returns {result.dtype}, not {kind.__name__}")
        require(result.shape == pictures.shape, f"{said} returns {result.shape}")
        require(np.array_equal(pictures, before), f"{said} changes what it is given")
        worst = np.abs(result - expected.permute(0, 2, 3, 1).numpy()).max()
        require(bool(worst <= allowed), f"{said} is wrong by {worst:.0f} of {top}")
    halved = nn.Sequential(nn.Conv2d(3, 3, 3, stride=2, padding=1), nn.Upsample(scale_factor=2), nn.Tanh())
    other = backend.open(halved.eval().requires_grad_(False), torch.device("cpu"), torch.float32)
    refused = False
    try:
        other.run(np.zeros((1, 7, 8, 3), np.uint8))
    except ValueError:
        refused = True
    require(refused, f"{backend.name} returns another shape than it was given, and should refuse such pictures")
    if isinstance(session, Interruptible):
        session.interrupt()
        ended = False
        try:
            session.run(pictures)
        except Interrupted:
            ended = True
        require(ended, f"{backend.name} goes on with a run though it is interrupted")
