"""Tells systemd how the service stands, over the socket that it names; where it names none, nobody is told."""

import contextlib
import os
import socket
import time
from collections.abc import Mapping

PATIENCE_SECONDS = 1.0  # with a listener that is busy, for what it must not miss
LONGEST_STATUS = 500  # characters; systemctl shows one line


class Notifier:
    """Speaks the protocol of ``sd_notify``; whatever goes wrong in that never disturbs the work.

    Args:
        address: Of a Unix datagram socket, a path or, with ``@``, a name in the abstract namespace; "" tells nobody.
        watchdog_seconds: After how long without :meth:`alive` systemd takes this process for hung; 0 is never.
    """

    def __init__(self, address: str = "", watchdog_seconds: float = 0.0) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog_seconds = watchdog_seconds if address else 0.0

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Notifier":
        """Return the one that a service's environment asks for."""
        address = environment.get("NOTIFY_SOCKET", "")
        meant = environment.get("WATCHDOG_PID", "") in ("", str(os.getpid()))
        microseconds = environment.get("WATCHDOG_USEC", "") if meant else ""
        seconds = int(microseconds) / 1e6 if microseconds.isdecimal() else 0.0
        return cls(address if address.startswith(("/", "@")) else "", seconds)

    def ready(self, status: str) -> None:
        """The service is up, or has reloaded what it was told to."""
        self._send("READY=1", _status(status), seconds=PATIENCE_SECONDS)

    def status(self, status: str) -> None:
        """What it does, in one line."""
        self._send(_status(status))

    def alive(self) -> None:
        """It is not hung."""
        self._send("WATCHDOG=1")

    def reloading(self) -> None:
        """It reads its configuration again; :meth:`ready` says that it has."""
        monotonic = f"MONOTONIC_USEC={time.monotonic_ns() // 1000}"
        self._send("RELOADING=1", monotonic, seconds=PATIENCE_SECONDS)

    def stopping(self, status: str) -> None:
        """It is about to end."""
        self._send("STOPPING=1", _status(status), seconds=PATIENCE_SECONDS)

    def _send(self, *lines: str, seconds: float = 0.0) -> None:
        if not self._address:
            return
        with (
            contextlib.suppress(OSError),  # nobody listens there, or too slowly
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out,
        ):
            out.settimeout(seconds)  # 0 is not at all
            out.sendto("\n".join(lines).encode("utf-8", "backslashreplace"), self._address)


def _status(text: str) -> str:
    return f"STATUS={' '.join(text.split())[:LONGEST_STATUS]}"
