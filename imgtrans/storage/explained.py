"""What went wrong with a store, in words: whether it may pass, and whether it is of one object or of all."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from imgtrans.errors import FilesError
from imgtrans.storage.address import PAGES, Address

_PASSING_ERRNO = frozenset(
    {errno.EBUSY, errno.EAGAIN, errno.ETIMEDOUT, errno.ECONNRESET, errno.ECONNREFUSED, errno.EPIPE, errno.EHOSTUNREACH,
     errno.ENETUNREACH, getattr(errno, "EREMOTEIO", errno.EIO)}
)  # fmt: skip
# Of libraries that are only there with what they are for: their classes by name.
_PASSING = frozenset(
    {"ClientPayloadError", "ClientConnectionError", "ServerDisconnectedError", "HTTPClientError",
     "IncompleteRead", "IncompleteReadError", "FSTimeoutError", "ResponseParserError", "ConnectionError",
     "EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ServiceResponseError",
     "ServiceRequestError", "TimeoutError", "ResponseStreamingError", "ConnectionClosedError"}
)  # fmt: skip
_NO_CREDENTIALS = frozenset(
    {"NoCredentialsError", "PartialCredentialsError", "TokenRetrievalError", "ProfileNotFound",
     "DefaultCredentialsError", "ClientAuthenticationError", "UnauthorizedSSOTokenError"}
)  # fmt: skip
_PASSING_STATUS = frozenset({408, 429, 500, 502, 503, 504})


class StoreError(FilesError):
    """A store cannot be read or written at all: what else is asked of it would fail, too."""


class ObjectError(OSError):
    """One object cannot be read or written, and others may; its sentence is ``strerror``.

    Attributes:
        passing: Whether it may be the store's fault after all, which did not answer for a while.
    """

    passing = False


@contextmanager
def nothing_else_helps() -> Iterator[None]:
    """Have what goes wrong with one object in the block end what is being done."""
    try:
        yield
    except ObjectError as error:
        raise StoreError(f"{error.filename} cannot be used: {error.strerror}") from error


def is_passing(error: BaseException) -> bool:
    """Whether it may go well if it is tried again in a while: throttling, and connections that break off."""
    if status := _status(error):
        return status in _PASSING_STATUS
    if isinstance(error, FileNotFoundError | PermissionError | FileExistsError):
        return False
    if isinstance(error, OSError) and error.errno in _PASSING_ERRNO:
        return True
    return isinstance(error, TimeoutError | ConnectionError) or not _PASSING.isdisjoint(_names(error))


def explained(address: Address, error: BaseException, doing: str, *, alone: bool = False) -> StoreError | ObjectError:
    """Return what is said of an error.

    Args:
        address: What was asked for.
        error: What the library has raised.
        doing: What could not be done to it, as ``read``.
        alone: Whether the same may go well with other objects: each may have rights, or a place, of its own.
    """
    whole = f"{address.scheme}://{address.bucket}"
    status = _status(error)
    if isinstance(error, PermissionError) or status in (401, 403):
        why = _said(error)
        if alone or address.scheme in PAGES:
            return ObjectError(errno.EACCES, f"access is denied ({status or why})", str(address))
        return StoreError(
            f"{address} cannot be {doing}: access is denied ({why})",
            f"see to it that your credentials may do that in {whole}, or use others",
        )
    if not _NO_CREDENTIALS.isdisjoint(_names(error)):
        return StoreError(
            f"{address} cannot be {doing}: there are no credentials for {whole} ({error})",
            "docs/cloud.md says where they are looked for",
        )
    if status in (404, 410) or (isinstance(error, FileNotFoundError) and not status):
        if "bucket does not exist" in str(error).lower():
            return StoreError(f"there is no bucket {address.bucket}", f"make it, or see how {whole} is written")
        return ObjectError(errno.ENOENT, "it is not there", str(address))
    if is_passing(error) and alone:
        unanswered = ObjectError(errno.EBUSY, f"{whole} does not answer ({_said(error)})", str(address))
        unanswered.passing = True
        return unanswered
    if is_passing(error):
        return StoreError(
            f"{address} cannot be {doing}: {whole} cannot be reached ({_said(error)})",
            "run the same command again once it can: it goes on where it stopped",
        )
    return ObjectError(getattr(error, "errno", None) or errno.EIO, _said(error), str(address))


def _status(error: BaseException) -> int:
    """Return what a server has answered instead of what was asked for; 0 if it has answered nothing of the kind."""
    for one in (error, error.__cause__):  # fsspec takes whatever happens to a page for one that is not there
        status = getattr(one, "status", None)
        if isinstance(status, int) and status >= 400:
            return status
    return 0


def _names(error: BaseException) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__} - {"OSError", "Exception", "object"}


def _said(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split()).rstrip(".")
