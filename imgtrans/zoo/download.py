"""One file over HTTP: gone on from where the line was cut, and asked for again where a server fails."""

import email.utils
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from imgtrans import __version__
from imgtrans.errors import FilesError, ModelError, UnavailableError
from imgtrans.zoo.partial import Partial

_KEPT = "what has come is kept; the same command goes on from there"
_BUSY = frozenset({408, 425, 429})
_PATIENCE = 120.0  # seconds; who asks to wait longer is left to the user

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Limits:
    """How much, how long and how often.

    Attributes:
        bytes: The largest file that is taken.
        connect: Seconds until a connection must stand.
        read: Seconds that a server may be silent.
        attempts: Failures in a row, without a byte of progress, that are put up with.
        redirects: Redirects that are followed.
    """

    bytes: int = 4 << 30
    connect: float = 5.0
    read: float = 30.0
    attempts: int = 5
    redirects: int = 10


LIMITS = Limits()


class _AttemptError(Exception):
    """An attempt failed, and another may not; says why, and how many seconds the server asks to wait."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


def download(
    url: str,
    path: Path,
    *,
    headers: Mapping[str, str] | None = None,
    limits: Limits = LIMITS,
    progress: Progress = lambda done, total: None,
    say: Callable[[str], None] = lambda text: None,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Download a file.

    What has come is kept beside ``path`` and gone on from, now or another day, if the server says that
    the file is still the same. A server that does not answer at all is not waited for.

    Args:
        url: An http or https URL; proxies are as the environment says.
        path: The file to make, and its folder if need be.
        headers: More headers of the request; an authorisation is not shown to a host that this one redirects to.
        limits: How much, how long and how often.
        progress: Told how many bytes are there, and how many there will be if that is known.
        say: Told why it takes longer.
        sleep: Waits so many seconds between attempts.

    Raises:
        ModelError: If the URL leads nowhere, or to something that is too large or unsafe to take.
        UnavailableError: If the server cannot be reached, or fails again and again.
        FilesError: If the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = Partial(path, url)
        if part.complete:
            return
        with _client(headers or {}, limits) as client:
            _Download(client, url, part, limits, progress).run(say, sleep)
        part.finish()
    except OSError as error:
        raise FilesError(f"{path} cannot be written: {error.strerror}") from error


def shown(url: str) -> str:
    """Return a URL without what could be a secret: user, password and query."""
    try:
        return str(httpx.URL(url).copy_with(username=None, password=None, query=None, fragment=None))
    except httpx.InvalidURL:
        return url


def megabytes(done: int, total: int | None = None) -> str:
    """Return ``12.3 MB``, or ``12.3 of 45.6 MB``."""
    return f"{done / 1e6:.1f} MB" if total is None else f"{done / 1e6:.1f} of {total / 1e6:.1f} MB"


def _client(headers: Mapping[str, str], limits: Limits) -> httpx.Client:
    try:
        return httpx.Client(
            timeout=httpx.Timeout(limits.read, connect=limits.connect),
            headers={"User-Agent": f"imgtrans/{__version__}", "Accept-Encoding": "identity", **headers},
        )
    except (ValueError, ImportError, OSError) as error:  # a proxy of another kind, certificates that are not there
        raise UnavailableError(
            f"the proxy or the certificates that the environment names cannot be used: {error}",
            "look at HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and SSL_CERT_FILE",
        ) from error


class _Download:
    """The attempts to get one file."""

    def __init__(self, client: httpx.Client, url: str, part: Partial, limits: Limits, progress: Progress) -> None:
        self._client = client
        self._url = url
        self._part = part
        self._limits = limits
        self._progress = progress
        self._furthest = part.size
        self._failures = 0
        self._answered = False

    def run(self, say: Callable[[str], None], sleep: Callable[[float], None]) -> None:
        """Try until the file is there, or it is no use."""
        while True:
            try:
                with self._errors_translated(), self._answer() as response:
                    self._answered = True
                    self._receive(response)
                return
            except _AttemptError as trouble:
                self._answered = True
                self._failures += 1
                if self._failures >= self._limits.attempts:
                    raise UnavailableError(
                        f"{shown(self._url)} cannot be downloaded: {trouble}",
                        _KEPT if self._part.request() else "try again later",
                    ) from trouble
                wait = trouble.wait or 2.0 ** (self._failures - 1)
                say(f"{trouble}; trying again in {wait:.0f} s")
                sleep(wait)

    @contextmanager
    def _errors_translated(self) -> Iterator[None]:
        """Turn what httpx raises into trouble, or into the error that a user meets."""
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
            host = error.request.url.host
            reason = f"{host} cannot be reached: {error or f'no answer in {self._limits.connect:g} s'}"
            if self._answered and not isinstance(error, httpx.ProxyError):  # it was there a moment ago
                raise _AttemptError(reason) from error
            raise UnavailableError(reason, _KEPT if self._part.request() else _proxies()) from error
        except httpx.TimeoutException as error:
            raise _AttemptError(f"{error.request.url.host} has been silent for {self._limits.read:g} s") from error
        except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
            raise _AttemptError(f"the line was cut at {megabytes(self._part.size, self._part.total)}") from error
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:  # Unicode: a host name that can be none
            raise ModelError(f"{shown(self._url)} cannot be downloaded: {error}") from error

    @contextmanager
    def _answer(self) -> Iterator[httpx.Response]:
        """Ask for the file, or the rest of it, and follow redirects."""
        request = self._client.build_request("GET", self._url, headers=self._part.request())
        for _ in range(self._limits.redirects + 1):
            response = self._client.send(request, stream=True)
            try:
                if response.next_request is None:
                    yield response
                    return
            finally:
                response.close()
            before, request = request.url, response.next_request
            if request.url.scheme != "https" and (request.url.scheme, before.scheme) != ("http", "http"):
                raise ModelError(
                    f"{shown(str(before))} redirects to {shown(str(request.url))}, which is less safe",
                    "pull that address itself if you trust it",
                )
        raise ModelError(f"{shown(self._url)} redirects more than {self._limits.redirects} times")

    def _receive(self, response: httpx.Response) -> None:
        """Take what an answer holds."""
        part, host, status = self._part, response.url.host, response.status_code
        if status in _BUSY or status >= 500:
            raise _busy(response)
        if status == 416:
            part.discard()
            raise _AttemptError(f"{host} has another file by now")
        if status not in (200, 206):
            raise ModelError(
                f"{shown(self._url)} cannot be downloaded: the server says {_status(response)}",
                "it may need an account" if status in (401, 403) else "look whether the address is right",
            )
        if status == 200:
            part.begin(response.headers)
        elif not part.continues(response.headers):
            raise _AttemptError(f"{host} sends another part than it was asked for")
        self._check_size(part.total)
        self._progress(part.size, part.total)
        with part.path.open("ab") as file:
            for chunk in response.iter_bytes():
                file.write(chunk)
                part.size += len(chunk)
                self._check_size(part.size)
                if part.size > self._furthest:
                    self._furthest, self._failures = part.size, 0
                self._progress(part.size, part.total)
        if part.total not in (None, part.size):
            trouble = _AttemptError(f"{host} ended at {megabytes(part.size, part.total)}")
            part.discard()
            raise trouble

    def _check_size(self, size: int | None) -> None:
        if size is not None and size > self._limits.bytes:
            self._part.discard()
            largest = megabytes(self._limits.bytes)
            raise ModelError(f"{shown(self._url)} is larger than {largest}, the most that is taken")


def _busy(response: httpx.Response) -> _AttemptError | UnavailableError:
    """Return what is to be made of a server that says to come again, and perhaps when."""
    reason = f"{response.url.host} says {_status(response)}"
    after, wait = response.headers.get("Retry-After", ""), 0.0
    if after.isdecimal():
        wait = float(after)
    elif after:
        with suppress(ValueError, TypeError):  # by the server's own clock
            back, there = (
                email.utils.parsedate_to_datetime(date) for date in (after, response.headers.get("Date", ""))
            )
            wait = max(0.0, (back - there).total_seconds())
    if wait > _PATIENCE:
        return UnavailableError(f"{reason}, and to come again in {wait:.0f} s", "try again then")
    return _AttemptError(reason, wait)


def _proxies() -> str:
    """Return what there is to do where nobody can be reached."""
    proxies = sorted({*urllib.request.getproxies().values()})
    if proxies:
        return f"the environment names a proxy ({', '.join(map(shown, proxies))}): is it right?"
    return "what is in the zoo already needs no network"


def _status(response: httpx.Response) -> str:
    return f"{response.status_code} {response.reason_phrase}".rstrip()
