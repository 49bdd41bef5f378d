"""The contract of a backend."""

from copy import deepcopy
from dataclasses import fields, is_dataclass
from itertools import product
from pathlib import Path
from typing import get_type_hints

import numpy as np
import torch
from torch import nn

from imgtrans.protocols import Backend, Configurable, Interrupted, Interruptible
from imgtrans.sessions import side_of
from imgtrans.testing.promise import require

_BATCHES = ((1, 8, 8), (3, 8, 16), (2, 24, 8))
_KINDS = ((np.uint8, 255, 1), (np.uint16, 65535, 8))  # the most that a value can be, and be wrong by


def check_backend(backend: Backend) -> None:
    """Check all that :class:`imgtrans.protocols.Backend` and its sessions promise, on the CPU in float32.

    Raises:
        AssertionError: If it does not keep a promise; the message says which.
    """
    if isinstance(backend, Configurable):
        _check_options(backend)
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


def check_parity(backend: Backend, network: nn.Module, limit: float) -> float:
    """Check that a backend computes on the CPU what plain PyTorch computes in float32, up to a limit.

    Args:
        backend: It.
        network: Maps (N, 3, H, W) in [-1, 1] to the same; it is not changed.
        limit: How far values in [-1, 1] may be apart.

    Returns:
        How far they are apart at most, for pictures of 16 bits of more sizes than one.

    Raises:
        AssertionError: If that is more, or the network changes nothing of the pictures, so that nothing can be told.
    """
    network = network.eval().requires_grad_(False)
    side = side_of(network)
    session = backend.open(deepcopy(network), torch.device("cpu"), torch.float32)
    largest = 0.0
    for number, (height, width) in enumerate(((side, side), (side, 2 * side), (2 * side, side))):
        pictures = np.random.default_rng(number).integers(0, 65536, (2, height, width, 3), np.uint16)
        values = torch.from_numpy(pictures.astype(np.float32)).permute(0, 3, 1, 2) / 32767.5 - 1
        with torch.inference_mode():
            expected = network(values).clamp(-1, 1).permute(0, 2, 3, 1).numpy()
        require(float(expected.std()) > 1e-3, "the network makes one and the same of every picture")
        made = session.run(pictures).astype(np.float32) / 32767.5 - 1
        largest = max(largest, float(np.abs(made - expected).max()))
    require(largest <= limit, f"{backend.name} differs from plain PyTorch by {largest:.2g}, more than {limit:g}")
    return largest


def _check_options(backend: Configurable) -> None:
    """Check that options are plain, described, and have defaults, and that what is configured is a backend again."""
    options = backend.Options
    require(is_dataclass(options), "its Options are no dataclass")
    require(options.__dataclass_params__.frozen, "its Options are not frozen")  # type: ignore[attr-defined]
    hints = get_type_hints(options)
    for one in fields(options):
        kind = hints[one.name]
        require(kind in (bool, int, float, str, Path), f"its option {one.name} is a {kind}, which no text can be")
        require(bool(one.metadata.get("help")), f"its option {one.name} does not say what it is")
        plain = isinstance(one.default, kind) and isinstance(one.default, bool) == (kind is bool)
        require(plain, f"its option {one.name} is {one.default!r} by default, which is no {kind}")
    configured = backend.configured(options())
    require(callable(getattr(configured, "open", None)), "what is configured is no backend")
