"""A real S3 server on this machine, and a proxy before it that fails as networks and stores do."""

import http.client
import io
import socket
import struct
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import fsspec

from tests.pictures import noise

SLOW_DOWN = b"""<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"""
DENIED = b"""<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"""


def picture(width: int = 24, height: int = 16, seed: int = 0, format: str = "PNG") -> bytes:
    """Return a small picture as a file has it."""
    file = io.BytesIO()
    noise(width, height, seed).save(file, format)
    return file.getvalue()


@dataclass
class Bucket:
    """A bucket, or a folder of a store, as a test looks at it: names below it and what they hold.

    Attributes:
        address: As users write it.
        system: Of fsspec.
    """

    address: str
    system: Any

    def put(self, objects: dict[str, bytes]) -> None:
        """Make objects."""
        for name, content in objects.items():
            self.system.pipe_file(f"{self.address}/{name}", content)

    def names(self, folder: str = "") -> set[str]:
        """Return the names below a folder, without what imgtrans remembers."""
        return {name for name in self.everything(folder) if ".imgtrans/" not in name}

    def everything(self, folder: str = "") -> set[str]:
        """Return all names below a folder."""
        self.system.invalidate_cache()
        start = f"{self.address}/{folder}".rstrip("/")
        skipped = len(self.system._strip_protocol(start)) + 1
        return {name[skipped:] for name in self.system.find(start)}

    def read(self, name: str) -> bytes:
        """Return what an object holds."""
        return bytes(self.system.cat_file(f"{self.address}/{name}"))

    def delete(self, name: str) -> None:
        """Delete an object."""
        self.system.rm_file(f"{self.address}/{name}")


def memory_bucket() -> Bucket:
    """Return an empty bucket in the memory of this process."""
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    return Bucket("memory://bucket", system)


@dataclass
class Proxy:
    """Stands before a server and forwards what it is asked, unless ``fault`` says otherwise.

    Attributes:
        fault: Is given method and path of a request and returns "" or what happens to it: ``slow down`` (503),
            ``denied`` (403), ``reset`` (the connection, before anything is done), ``lost`` (the answer, after it was
            done), ``cut`` (in the middle of the answer), ``stuck`` (nothing comes any more).
        asked: The requests so far.
        url: Its address, once it is started.
        busy: How many requests are under way.
    """

    port: int
    fault: Callable[[str, str], str] = lambda method, path: ""
    asked: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""
    busy: int = 0
    turn: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> str:
        """Begin; return its address."""
        proxy = self
        self.over = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments: object) -> None:
                pass

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except (ConnectionError, TimeoutError):
                    self.close_connection = True

            def do(self) -> None:
                with proxy.turn:
                    proxy.busy += 1
                try:
                    self.forward()
                finally:
                    with proxy.turn:
                        proxy.busy -= 1

            def forward(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                proxy.asked.append((self.command, self.path))
                fault = proxy.fault(self.command, self.path)
                if fault == "reset":
                    return self.reset()
                if fault in ("slow down", "denied"):
                    content = SLOW_DOWN if fault == "slow down" else DENIED
                    return self.answer(503 if fault == "slow down" else 403, [("Content-Type", "text/xml")], content)
                upstream = http.client.HTTPConnection("127.0.0.1", proxy.port)
                headers = {name: value for name, value in self.headers.items() if name.lower() != "expect"}
                upstream.request(self.command, self.path, body, headers)
                response = upstream.getresponse()
                content = response.read()
                upstream.close()
                if fault == "lost":
                    return self.reset()
                kept = [one for one in response.getheaders() if one[0].lower() not in _HOP_BY_HOP]
                cut = len(content) // 2 if fault in ("cut", "stuck") else None
                return self.answer(response.status, kept, content, cut, stuck=fault == "stuck")

            def answer(
                self,
                status: int,
                headers: Iterable[tuple[str, str]],
                content: bytes,
                cut: int | None = None,
                *,
                stuck: bool = False,
            ) -> None:
                self.send_response_only(status)
                length = {name.lower(): value for name, value in headers}.get("content-length")
                for name, value in headers:
                    if name.lower() != "content-length":
                        self.send_header(name, value)
                self.send_header("Content-Length", length if self.command == "HEAD" and length else str(len(content)))
                self.end_headers()
                self.wfile.write(content[:cut])
                self.wfile.flush()
                if stuck:
                    proxy.over.wait(60)
                if cut is not None:
                    self.reset()

            def reset(self) -> None:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                self.rfile.close()
                self.wfile.close()
                self.connection.close()

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = do

        self._server = _Quiet(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        """End it."""
        self.over.set()
        self._server.shutdown()
        self._server.server_close()


class _Quiet(ThreadingHTTPServer):
    request_queue_size = 256

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: connections are broken off here."""


_HOP_BY_HOP = {"connection", "transfer-encoding", "date", "server", "keep-alive"}
