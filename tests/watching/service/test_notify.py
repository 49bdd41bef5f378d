import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgtrans.watching.service.notify import Notifier

pytestmark = pytest.mark.skipif(os.name == "nt", reason="there are no such sockets")


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """What systemd would listen on, and its address as services get it."""
    if request.param == "abstract" and sys.platform != "linux":
        pytest.skip("only Linux has abstract sockets")
    address = str(tmp_path / "notify") if request.param == "path" else f"@imgtrans-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(address.replace("@", "\0"))
        listening.settimeout(5)
        yield listening, address


def test_systemd_is_told_how_the_service_stands(systemd: tuple[socket.socket, str]) -> None:
    listening, address = systemd
    notifier = Notifier.of({"NOTIFY_SOCKET": address})
    notifier.ready("watching")
    assert listening.recv(1000) == b"READY=1\nSTATUS=watching"
    notifier.status("two\nlines")
    assert listening.recv(1000) == b"STATUS=two lines"
    notifier.alive()
    assert listening.recv(1000) == b"WATCHDOG=1"
    notifier.reloading()
    assert listening.recv(1000).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
    notifier.stopping("finishing 3 pictures")
    assert listening.recv(1000) == b"STOPPING=1\nSTATUS=finishing 3 pictures"


def test_nobody_is_told_where_nobody_listens(tmp_path: Path) -> None:
    for environment in ({}, {"NOTIFY_SOCKET": str(tmp_path / "gone")}, {"NOTIFY_SOCKET": "vsock:2:1"}):
        Notifier.of(environment).ready("watching")


def test_a_listener_that_does_not_listen_holds_nothing_up(systemd: tuple[socket.socket, str]) -> None:
    notifier = Notifier.of({"NOTIFY_SOCKET": systemd[1]})
    for _ in range(2000):  # more than a socket's queue takes
        notifier.alive()


def test_a_watchdog_is_for_the_process_that_it_is_meant_for() -> None:
    asked = {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "30000000"}
    assert Notifier.of(asked).watchdog_seconds == 30
    assert Notifier.of({**asked, "WATCHDOG_PID": str(os.getpid())}).watchdog_seconds == 30
    assert Notifier.of({**asked, "WATCHDOG_PID": "1"}).watchdog_seconds == 0
    assert Notifier.of({"WATCHDOG_USEC": "30000000"}).watchdog_seconds == 0
