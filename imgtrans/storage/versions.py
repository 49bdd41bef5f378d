"""What tells one version of an object from another: what a store says of it, as a number."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from imgtrans.storage.address import number_of

_MARKS = ("ETag", "etag", "generation", "blob_id", "oid", "sha")
_TIMES = ("LastModified", "last_modified", "Last-Modified", "updated", "mtime", "modified", "created")


@dataclass(frozen=True)
class Version:
    """One version of an object.

    Attributes:
        size: Bytes; -1 if the store does not say.
        number: Tells it from others, below 2**63.
    """

    size: int
    number: int


def version_of(info: Mapping[str, Any]) -> Version:
    """Return the version of an object that a store has told of: by the MD5 of its content, an ETag, or its time."""
    size = info.get("size")
    mark = _md5(info) or next((str(info[name]).strip('"') for name in _MARKS if info.get(name)), "")
    if not mark:
        time = next((info[name] for name in _TIMES if info.get(name)), "")
        mark = f"{time.timestamp():.6f}" if isinstance(time, datetime) else _text(time)
    return Version(-1 if size is None else int(size), number_of(f"{size} {mark}"))


def version_of_content(size: int, md5: str) -> Version:
    """Return the version that an object of some content has where a store tells its MD5, as ETag mostly."""
    return Version(size, number_of(f"{size} {md5}"))


def time_of(info: Mapping[str, Any]) -> float | None:
    """Return when an object was written, in seconds of the store's clock; None if the store does not say."""
    time = next((info[name] for name in _TIMES if info.get(name)), None)
    if isinstance(time, datetime):
        return time.timestamp()
    if isinstance(time, int | float):
        return float(time)
    try:
        return datetime.fromisoformat(str(time)).timestamp()
    except ValueError:
        return None


def _text(time: Any) -> str:
    return f"{time:.6f}" if isinstance(time, int | float) else str(time)


def _md5(info: Mapping[str, Any]) -> str:
    """Return the MD5 of the content that Google tells beside an ETag that is none; "" if there is none."""
    try:
        return base64.b64decode(str(info.get("md5Hash", "")), validate=True).hex()
    except (ValueError, binascii.Error):
        return ""
