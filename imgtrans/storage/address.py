"""Addresses of objects, as ``s3://bucket/photos/a.jpg``: paths that are none of this machine's, a store's instead."""

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imgtrans.storage.store import Store

    ConcretePath = Path
else:
    ConcretePath = type(Path())

# What begins an address -> what is to be installed for it
SCHEMES: Mapping[str, str] = {
    "s3": "imgtrans[cloud]",
    "s3a": "imgtrans[cloud]",
    "http": "imgtrans[cloud]",
    "https": "imgtrans[cloud]",
    "memory": "imgtrans[cloud]",
    "hf": "imgtrans[cloud,hf]",
    "gs": "imgtrans[cloud] gcsfs",
    "gcs": "imgtrans[cloud] gcsfs",
    "az": "imgtrans[cloud] adlfs",
    "abfs": "imgtrans[cloud] adlfs",
    "abfss": "imgtrans[cloud] adlfs",
}
READ_ONLY = frozenset({"http", "https", "hf"})  # of the last, each file written would be a commit
PAGES = frozenset({"http", "https"})  # whose folders cannot be listed
_ADDRESS = re.compile(r"([a-z][a-z0-9]*):/+(.+)", re.DOTALL)
_FILE, _FOLDER = 0o100444, 0o040555


class Address(ConcretePath):
    """A path of an object, or of a folder of objects, which a store answers for.

    It is written as the user writes it, and what asks the file system of a path asks the store. It goes into no worker
    process: these read and write files of this machine.
    """

    _text = ""
    _kind: str | None = None

    def __str__(self) -> str:
        """Return it as the user writes it."""
        first, *others = self.parts or ("",)
        return self._text or (f"{first}//{'/'.join(others)}" if first.endswith(":") else "/".join(self.parts))

    def __fspath__(self) -> str:
        """Return the same; no file of this machine has such a path."""
        return str(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return addressed, (str(self),)

    @property
    def scheme(self) -> str:
        """What it begins with, as ``s3``."""
        return self.parts[0].rstrip(":") if self.parts else ""

    @property
    def bucket(self) -> str:
        """What its store is called: a bucket's name, or a host's."""
        return self.parts[1] if len(self.parts) > 1 else ""

    @property
    def store(self) -> "Store":
        """What answers for it.

        Raises:
            UnavailableError: If what reads such addresses is not installed.
        """
        from imgtrans.storage.store import store_of  # noqa: PLC0415 - fsspec comes in where there is an address

        return store_of(self)

    def relative_to(self, *other: Any, **options: Any) -> Path:  # type: ignore[override]
        """Return the plain path that leads here from a folder."""
        return Path(*super().relative_to(*other, **options).parts)

    def absolute(self) -> "Address":
        """Return itself."""
        return self

    def exists(self, **options: Any) -> bool:
        """Whether there is such an object, or anything in such a folder."""
        return bool(self._what())

    def is_dir(self, **options: Any) -> bool:
        """Whether it is a folder: what some object's address goes on behind."""
        return self._what() == "directory"

    def is_file(self, **options: Any) -> bool:
        """Whether it is an object."""
        return self._what() == "file"

    def is_symlink(self) -> bool:
        """Return False."""
        return False

    def mkdir(self, *arguments: Any, **options: Any) -> None:
        """Do nothing: folders are there as soon as something is in them."""

    def samefile(self, other: Any) -> bool:
        """Whether it is the same address."""
        return str(self) == str(other)

    def stat(self, **options: Any) -> os.stat_result:
        """Return size and version of an object, the version as its time of modification.

        Raises:
            FileNotFoundError: If there is none.
        """
        if self._what() == "directory":
            return standing(self, 0, 0, _FOLDER)
        status: os.stat_result = self.store.stat(self)
        return status

    def lstat(self) -> os.stat_result:
        """Return the same as :meth:`stat`."""
        return self.stat()

    def _what(self) -> str:
        if self._kind is None:
            self._kind = self.store.kind(self) if self.bucket else "directory"
        return self._kind


def addressed(path: Path | str) -> Path:
    """Return an address where one is meant, else the path; a file of this machine that is called so is none.

    A path has already made ``s3:/bucket`` of ``s3://bucket``.
    """
    if isinstance(path, Address):
        return path
    found = _ADDRESS.fullmatch(str(path))
    if not found or found[1] not in SCHEMES or os.path.lexists(path):
        return Path(path)
    text = f"{found[1]}://{found[2]}"
    if found[1] not in PAGES:
        return Address(text)
    address = Address(re.split("[?#]", text)[0])
    address._text = text  # with what follows a question mark, which belongs to no name
    return address


def standing(address: Address, size: int, version: int, mode: int = _FILE) -> os.stat_result:
    """Return what a file system would say of an object.

    Args:
        address: The object.
        size: Bytes.
        version: A number that another version of the object does not have, below 2**63.
        mode: What it is.
    """
    number = number_of(str(address))  # where a file system has an inode, on a device that there is not
    return os.stat_result((mode, number, -1, 1, 0, 0, size, 0, 0, 0), {"st_mtime_ns": version})


def number_of(text: str) -> int:
    """Return a number below 2**63 that another text does not have."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()) >> 1
