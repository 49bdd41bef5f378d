"""The part of a file that has come so far, with what is known of the whole, on disk."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from imgtrans.files import written_atomically


@dataclass
class _Notes:
    """What is known of the file that is on its way.

    The source is a hash of its URL, which may hold secrets; the validator is the server's mark of this version.
    """

    source: str
    validator: str = ""
    total: int | None = None


class Partial:
    """A file that comes piece by piece, perhaps over several days.

    Args:
        target: The file that it becomes; its part and the notes on it stand beside it.
        url: Where it comes from. A part that came from elsewhere, or that the server put no mark on, is
            not gone on from.

    Attributes:
        path: The file that holds the part.
        size: The bytes that have come.
    """

    def __init__(self, target: Path, url: str) -> None:
        self._target = target
        self.path = target.with_name(f"{target.name}.part")
        self._file = target.with_name(f"{target.name}.json")
        source = hashlib.sha256(url.encode("utf-8", "surrogateescape")).hexdigest()
        self._notes, self.size = _Notes(source), 0
        try:
            notes = _Notes(**json.loads(self._file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            notes = _Notes("")
        self.complete = notes.source == source and target.exists()  # it came, and only its use was cut short
        if notes.source == source and notes.validator and self.path.exists():
            self._notes, self.size = notes, self.path.stat().st_size

    @property
    def total(self) -> int | None:
        """The bytes of the whole, as the server says, or None."""
        return self._notes.total

    def request(self) -> dict[str, str]:
        """Return the headers that ask for the rest, or for the whole where it is another version by now.

        They are none where nothing has come, or nothing that can be gone on from.
        """
        mark = self._notes.validator
        return {"Range": f"bytes={self.size}-", "If-Range": mark} if self.size and mark else {}

    def begin(self, headers: Mapping[str, str]) -> None:
        """Prepare for the whole, as the headers of the answer describe it."""
        self.discard()
        encoded = headers.get("Content-Encoding", "identity") != "identity"
        etag, length = headers.get("ETag", ""), headers.get("Content-Length", "")
        if not encoded:
            self._notes.validator = etag if etag.startswith('"') else headers.get("Last-Modified", "")
            self._notes.total = int(length) if length.isdecimal() else None
        with written_atomically(self._file) as temporary:
            temporary.write_text(json.dumps(asdict(self._notes)), encoding="utf-8")

    def continues(self, headers: Mapping[str, str]) -> bool:
        """Whether the headers of an answer describe the rest; if not, what has come is forgotten."""
        unit, _, span = headers.get("Content-Range", "").partition(" ")
        extent, _, total = span.partition("/")
        fits = unit == "bytes" and extent.partition("-")[0] == str(self.size)
        fits = fits and (total == "*" or self.total is None or total == str(self.total))
        if not fits:
            self.discard()
        return fits

    def discard(self) -> None:
        """Forget what has come."""
        for path in (self._target, self.path, self._file):
            path.unlink(missing_ok=True)
        self._notes, self.size = _Notes(self._notes.source), 0

    def finish(self) -> None:
        """Give the whole file its name."""
        self.path.touch()  # it may be empty
        self.path.replace(self._target)
