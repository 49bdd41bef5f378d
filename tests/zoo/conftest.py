"""A server on loopback for what downloads."""

from collections.abc import Iterator

import pytest

from tests.zoo.server import Server, without_proxies


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A real server that behaves as the test says."""
    without_proxies(monkeypatch)
    with Server() as server:
        yield server
