"""One bucket, or one host: what is read, written and listed there, tried again where that may help."""

import errno
import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from imgtrans.errors import UnavailableError
from imgtrans.storage.address import PAGES, READ_ONLY, SCHEMES, Address, standing
from imgtrans.storage.explained import ObjectError, explained
from imgtrans.storage.retrying import Retrying
from imgtrans.storage.versions import Version, time_of, version_of, version_of_content

SMALL_BYTES = 4 << 20  # up to here an object is read and written in one go
PART_BYTES = 16 << 20  # of larger ones so much at once,
PARTS, LARGE_AT_ONCE = 4, 2  # in so many requests, of so many objects
AT_ONCE = 32  # requests
PAGE = 1000  # objects that a store tells of at once
_SECONDS = 30  # without a byte, until a request is given up and tried again

T = TypeVar("T")
_stores: dict[tuple[str, str], "Store"] = {}
_turn = threading.Lock()


class Store:
    """A bucket, or a host.

    Every method raises a `StoreError` if nothing there can be done, an `ObjectError` if it is this object alone.

    Args:
        system: Of fsspec.
        retrying: How often what may pass is tried.
    """

    def __init__(self, system: Any, retrying: Retrying | None = None) -> None:
        self._system = system
        self._retrying = retrying or Retrying()
        self._large = threading.BoundedSemaphore(LARGE_AT_ONCE)

    def kind(self, address: Address) -> str:
        """Return ``file``, ``directory``, or "" if nothing is there."""
        try:
            return str(self._done(address, "read", lambda: self._system.info(str(address)))["type"])
        except ObjectError as error:
            if error.errno == errno.ENOENT:
                return ""
            raise

    def version(self, address: Address) -> Version:
        """Return the version of an object that is there now."""
        info = self._done(address, "read", lambda: self._system.info(str(address)))
        if info["type"] != "file":
            raise ObjectError(errno.EISDIR, "it is a folder", str(address))
        return version_of(info)

    def stat(self, address: Address) -> Any:
        """Return what a file system would say of an object.

        Raises:
            FileNotFoundError: If there is none.
        """
        try:
            version = self.version(address)
        except ObjectError as error:
            raise FileNotFoundError(errno.ENOENT, error.strerror, str(address)) from error
        return standing(address, version.size, version.number)

    def pages(self, folder: Address) -> Iterator[list[tuple[str, Version | None]]]:
        """Yield the names in a folder, about a thousand at a time: objects' with their versions, folders' with None."""
        if folder.scheme in PAGES:
            raise ObjectError(errno.EINVAL, "it is a page, not a folder that can be listed", str(folder))
        if _is_s3(self._system):  # whose ls holds a folder of millions in memory
            yield from self._pages_of_s3(folder)
            return
        try:
            infos = self._done(folder, "read", lambda: self._system.ls(str(folder), detail=True))
        except ObjectError as error:
            if error.errno == errno.ENOENT:
                return
            raise
        for start in range(0, len(infos), PAGE):
            yield [one for info in infos[start : start + PAGE] if (one := _named(info, folder))]

    def head(self, address: Address, most: int) -> bytes:
        """Return an object's first bytes."""
        call = partial(self._system.cat_file, str(address), start=0, end=most)
        return bytes(self._done(address, "read", call, alone=True))

    def fetch(self, address: Address, path: Path, expected: Version) -> None:
        """Write an object to a file, of the version that is expected.

        Raises:
            ObjectError: If another version is there now.
        """
        if 0 <= expected.size <= SMALL_BYTES:
            digest = self._done(address, "read", lambda: self._read_small(address, path, expected.size), alone=True)
        else:
            with self._large:
                self._done(address, "read", lambda: self._system.get_file(str(address), str(path)), alone=True)
            digest = md5_of(path)
        size = path.stat().st_size
        if version_of_content(size, digest) == expected:
            return
        if size != expected.size >= 0 or self.version(address) != expected:
            raise ObjectError(errno.ESTALE, "it changed while it was being worked on", str(address))

    def read(self, address: Address) -> bytes | None:
        """Return a small object's content, None if it is not there."""
        try:
            return self._done(address, "read", lambda: bytes(self._system.cat_file(str(address))))
        except ObjectError as error:
            if error.errno == errno.ENOENT:
                return None
            raise

    def write(self, address: Address, content: bytes) -> Version:
        """Make an object of some content, whole or not at all; return its version."""
        made = self._done(address, "written", lambda: self._system.pipe_file(str(address), content))
        return self._made(address, made, len(content))

    def put(self, path: Path, address: Address) -> Version:
        """Make an object of a file, whole or not at all; return its version."""
        if (size := path.stat().st_size) <= SMALL_BYTES:
            return self.write(address, path.read_bytes())
        parts = {"chunksize": PART_BYTES} if _is_s3(self._system) else {}
        with self._large:
            self._done(address, "written", lambda: self._system.put_file(str(path), str(address), **parts))
        return self._made(address, None, size)

    def age(self, address: Address, *, only_looking: bool = False) -> float | None:
        """Return how many seconds ago an object was written, by the store's clock; None if there is none, or no clock.

        That clock is read by writing another object beside it; who only looks takes this machine's.
        """
        if only_looking:
            written = time_of(self._done(address, "read", lambda: self._system.info(str(address))))
            return None if written is None else time.time() - written
        probe = address.with_name(f"{address.name}.{secrets.token_hex(4)}.clock")
        self.write(probe, b"")
        try:
            times = [time_of(self._done(one, "read", partial(self._system.info, str(one)))) for one in (address, probe)]
        except ObjectError:
            return None
        finally:
            self.delete(probe)
        then, now = times
        return None if then is None or now is None else now - then

    def create(self, address: Address, content: bytes) -> bool:
        """Make an object if there is none; return whether it was made."""
        try:
            self._done(address, "written", lambda: self._system.pipe_file(str(address), content, mode="create"))
        except ObjectError as error:
            if isinstance(error.__cause__, FileExistsError):
                return False
            if error.errno != errno.ENOSYS:
                raise
            self.write(address, content)  # one that knows no conditions
        return True

    def delete(self, address: Address) -> None:
        """Delete an object, if it is there."""
        try:
            self._done(address, "deleted", lambda: self._system.rm_file(str(address)))
        except ObjectError as error:
            if error.errno != errno.ENOENT:
                raise

    def _made(self, address: Address, answer: Any, size: int) -> Version:
        """Return the version of what was just written: what the answer says, or else what the store says."""
        if isinstance(answer, dict) and answer.get("ETag"):
            return version_of({"ETag": answer["ETag"], "size": size})
        return self.version(address)

    def _read_small(self, address: Address, path: Path, size: int) -> str:
        """Write an object to a file; return the MD5 of what was read."""
        if not size:
            content = b""
        elif address.scheme in PAGES:  # not every server gives a part
            content = bytes(self._system.cat_file(str(address)))
        else:  # from where to where: else s3fs asks for the size first
            content = bytes(self._system.cat_file(str(address), start=0, end=size))
        path.write_bytes(content)
        return hashlib.md5(content, usedforsecurity=False).hexdigest()

    def _pages_of_s3(self, folder: Address) -> Iterator[list[tuple[str, Version | None]]]:
        prefix = "".join(f"{part}/" for part in folder.parts[2:])
        asked = {"Bucket": folder.bucket, "Prefix": prefix, "Delimiter": "/", **self._system.req_kw}
        while True:
            call = partial(self._system.call_s3, "list_objects_v2", **asked)
            answer: dict[str, Any] = self._done(folder, "read", call)
            yield [
                *((one["Prefix"][len(prefix) : -1], None) for one in answer.get("CommonPrefixes", [])),
                # Of what is called like the folder, consoles make empty ones.
                *((name, _version(one)) for one in answer.get("Contents", []) if (name := one["Key"][len(prefix) :])),
            ]
            if not answer.get("IsTruncated"):
                return
            asked["ContinuationToken"] = answer["NextContinuationToken"]

    def _done(self, address: Address, doing: str, call: Callable[[], T], *, alone: bool = False) -> T:
        """Return what a call returns, tried again where that may help; say what is wrong in words."""
        try:
            return self._retrying(call)
        except Exception as error:
            raise explained(address, error, doing, alone=alone) from error


def store_of(address: Address) -> Store:
    """Return what answers for an address.

    Raises:
        UnavailableError: If what reads such addresses is not installed.
    """
    with _turn:
        key = (address.scheme, address.bucket)
        if key not in _stores:
            _stores[key] = Store(_opened(address))
        return _stores[key]


def check_writable(address: Address) -> None:
    """Make sure that objects can be written where an address is.

    Raises:
        UnavailableError: If they can only be read.
    """
    if address.scheme in READ_ONLY:
        raise UnavailableError(f"{address} can only be read", "name another place for outputs with -o")


def _opened(address: Address) -> Any:
    missing = f"what reads {address.scheme}:// is not installed"
    hint = f"pip install {' '.join(repr(one) if '[' in one else one for one in SCHEMES[address.scheme].split())}"
    try:
        import fsspec  # noqa: PLC0415 - it takes a moment, and folders of this machine need none of it

        system = fsspec.filesystem(address.scheme, use_listings_cache=False, **_settings(address.scheme))
    except ImportError as error:
        raise UnavailableError(missing, hint) from error
    if _is_s3(system):
        system.retries = 1  # it is tried again here, and what tries again what tries again takes for ever
    return system


def _settings(scheme: str) -> dict[str, Any]:
    if scheme in ("s3", "s3a"):
        config = {"connect_timeout": 10, "read_timeout": _SECONDS, "max_pool_connections": 2 * AT_ONCE}
        return {
            "config_kwargs": {**config, "retries": {"total_max_attempts": 1}},
            "default_block_size": PART_BYTES,
            "max_concurrency": PARTS,
        }
    return {}


def _is_s3(system: Any) -> bool:
    return hasattr(system, "call_s3")


def _version(listed: dict[str, Any]) -> Version:
    return version_of({**listed, "size": listed["Size"]})


def _named(info: dict[str, Any], folder: Address) -> tuple[str, Version | None] | None:
    """Return the last part of a name, and its version; None for what only stands for the folder itself."""
    name = str(info["name"]).rstrip("/")
    if info["type"] == "directory":
        return name.rsplit("/", 1)[-1], None
    whole = str(info["name"])
    if whole.endswith("/"):  # what consoles make for an empty folder
        return None
    return whole.rsplit("/", 1)[-1], version_of(info)


def md5_of(path: Path) -> str:
    """Return the MD5 of a file's content, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
