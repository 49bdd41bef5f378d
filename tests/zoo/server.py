"""A real HTTP server on loopback that behaves, path by path, as well or as badly as a test says."""

import hashlib
import os
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType

import pytest

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_GET(self) -> None:
        with self.server.guard:
            self.server.requests.append((self.path, dict(self.headers)))
            known = self.server.answers
            answers = known.get(self.path) or known.get(self.path.partition("?")[0], [status(404)])
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
        answer(self)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def head(self, code: int, headers: dict[str, str]) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.flush()

    def hang_up(self) -> None:
        self.close_connection = True


class Server(ThreadingHTTPServer):
    """Serves while a ``with`` block lasts; what ``answers`` holds for a path comes in turn, its last again and again.

    Args:
        certificate: A PEM file with a certificate of 127.0.0.1 and its key, to speak HTTPS.

    Attributes:
        answers: The answers of each path.
        requests: The paths and headers of what was asked.
        over: Set when the block ends; whoever is silent until then stops waiting.
    """

    daemon_threads = True

    def __init__(self, certificate: Path | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.scheme = "http"
        if certificate:
            self.scheme = "https"
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.answers: dict[str, list[Answer]] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.guard = threading.Lock()
        self.over = threading.Event()
        self._thread = threading.Thread(target=lambda: self.serve_forever(poll_interval=0.01))

    @property
    def address(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}"

    def serve(self, path: str, *answers: Answer) -> str:
        """Let a path be answered so; return its URL."""
        self.answers[path] = [*answers]
        return self.address + path

    def asked(self, path: str) -> list[dict[str, str]]:
        """Return the headers of the requests of a path."""
        return [headers for asked, headers in self.requests if asked == path]

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a client that hangs up is what some tests are about

    def __enter__(self) -> "Server":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over.set()
        self.shutdown()
        self._thread.join()
        self.server_close()


def status(code: int, **headers: str) -> Answer:
    """A page that only has a status; ``_`` in a header's name is ``-``."""

    def answer(handler: Handler) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        handler.head(code, {"Content-Length": "0", **named})

    return answer


def redirect(to: str, code: int = 302) -> Answer:
    return status(code, Location=to)


def file(
    content: bytes,
    *,
    upto: int | None = None,
    ranges: bool = True,
    mark: str | None = "ETag",
    length: int | None = None,
    headers: dict[str, str] | None = None,
    gate: threading.Event | None = None,
) -> Answer:
    """A file.

    Args:
        content: What it holds.
        upto: Where the line is cut.
        ranges: Whether a part can be had.
        mark: The header that marks the version of the file: ``ETag``, ``Last-Modified`` or none.
        length: A length that is a lie.
        headers: More headers, or others.
        gate: The half of the file waits for this.
    """
    tag = {"ETag": f'"{hashlib.sha256(content).hexdigest()[:16]}"', "Last-Modified": "Tue, 01 Jan 2019 00:00:00 GMT"}

    def answer(handler: Handler) -> None:
        start, code, more = 0, 200, dict(headers or {})
        if mark:
            more[mark] = tag[mark]
        wanted = handler.headers.get("Range", "")
        if ranges and wanted and handler.headers.get("If-Range") == more.get(mark or ""):
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                handler.head(416, {"Content-Range": f"bytes */{len(content)}", "Content-Length": "0"})
                return
            code, more = 206, more | {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
        body = content[start:]
        handler.head(code, {"Content-Length": str(len(body) if length is None else length), **more})
        end = len(content) if upto is None else upto
        if gate:
            handler.wfile.write(content[start : len(content) // 2])
            handler.wfile.flush()
            gate.wait(30)
            start = max(start, len(content) // 2)
        handler.wfile.write(content[start:end])
        if end < len(content) or length is not None:
            handler.hang_up()

    return answer


def silent(handler: Handler) -> None:
    """Takes the request and says nothing."""
    handler.server.over.wait(30)
    handler.hang_up()


def silent_after(content: bytes, upto: int) -> Answer:
    """Sends the first part of a file, and then nothing."""

    def answer(handler: Handler) -> None:
        handler.head(200, {"Content-Length": str(len(content)), "ETag": '"half"'})
        handler.wfile.write(content[:upto])
        handler.wfile.flush()
        silent(handler)

    return answer


def without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no proxy of whoever runs the tests stand between."""
    for name in [*os.environ]:
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
