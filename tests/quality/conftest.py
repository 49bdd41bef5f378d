"""Tiny pictures of two kinds: by their colour, or by their fineness."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.pictures import noise
from tests.zoo.server import Server, without_proxies

Make = Callable[..., list[Path]]


def warm(seed: int) -> Image.Image:
    return _tinted(seed, (1.0, 0.7, 0.4))


def cold(seed: int) -> Image.Image:
    return _tinted(seed, (0.4, 0.94, 0.74))  # as light as a warm one


def rough(seed: int) -> Image.Image:
    grain = np.random.default_rng(seed).normal(0, 40, (40, 40, 1))
    return Image.fromarray((np.asarray(noise(40, 40, seed)) + grain).clip(0, 255).astype(np.uint8))


def smooth(seed: int) -> Image.Image:
    return noise(40, 40, seed)


def _tinted(seed: int, tint: tuple[float, float, float]) -> Image.Image:
    return Image.fromarray((np.asarray(noise(40, 40, seed)) * tint).astype(np.uint8))


@pytest.fixture
def make() -> Make:
    """Write pictures of a kind; return their paths."""

    def written(folder: Path, kind: Callable[[int], Image.Image], count: int, first: int = 0) -> list[Path]:
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{n:03}.png" for n in range(count)]
        for n, path in enumerate(paths):
            kind(first + n).save(path)
        return paths

    return written


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server on loopback."""
    without_proxies(monkeypatch)
    with Server() as one:
        yield one
