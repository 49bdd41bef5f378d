"""Sees to it that sources go where the user wants them, now or, where that cannot be, at a later look."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from imgtrans.watching.seeing.version import Version
from imgtrans.watching.sources.after import ChangedError, delete, move

MOST_LEFT = 10_000  # sources that are remembered as still to be moved; the others are met again after a restart


class Aftermath:
    """What is done with the sources of one inbox.

    Args:
        inbox: The folder.
        warn: Is told what cannot be done, once for each source.
        archive: Where the sources of pictures that are done go; None leaves them.
        failed: Where pictures that are given up go; None leaves them.
        delete: Whether the sources of pictures that are done are deleted.
    """

    def __init__(
        self,
        inbox: Path,
        warn: Callable[[str], None],
        *,
        archive: Path | None = None,
        failed: Path | None = None,
        delete: bool = False,
    ) -> None:
        self._inbox = inbox
        self._warn = warn
        self._archive, self._failed, self._delete = archive, failed, delete
        self._left: dict[Path, tuple[Version, str]] = {}

    @property
    def left(self) -> int:
        """How many sources are still to be moved or deleted."""
        return len(self._left)

    def done(self, source: Path, version: Version) -> Path | None:
        """A picture's output is durable: archive or delete its source.

        Returns:
            Where the source is now; None if it is deleted. Where it was if it stays, or cannot be moved now.
        """
        return self._see_to(source, version, "")

    def given_up(self, source: Path, version: Version, reason: str) -> Path | None:
        """A picture has failed for good: move its source, with a file that says why, if there is a place for that.

        Returns:
            As :meth:`done`.
        """
        return self._see_to(source, version, reason)

    def try_again(self) -> int:
        """See to what could not be done before; return how many sources were moved or deleted."""
        before = [*self._left.items()]
        return sum(self._see_to(source, version, reason) != source for source, (version, reason) in before)

    def _see_to(self, source: Path, version: Version, reason: str) -> Path | None:
        folder = self._failed if reason else self._archive
        if folder is None and (reason or not self._delete):
            return source
        if source.is_symlink():
            self._say_once(source, version, reason, f"{source} is a link, and stays where it is")
            return source
        try:
            if folder is None:
                delete(source, version)
                now = None
            else:
                note = _note(source, reason) if reason else ""
                now = move(source, version, folder / source.relative_to(self._inbox), note)
        except (ChangedError, FileNotFoundError):  # another one now, which is looked at by itself; or gone
            now = source
        except OSError as error:
            what = "deleted" if folder is None else f"moved to {folder}"
            self._say_once(source, version, reason, f"{source} cannot be {what}: {error.strerror}; it is tried again")
            return source
        self._left.pop(source, None)
        return now

    def _say_once(self, source: Path, version: Version, reason: str, sentence: str) -> None:
        known = self._left.get(source)
        if known is None or known[0] != version:
            self._warn(sentence)
        if known is not None or len(self._left) < MOST_LEFT:
            self._left[source] = version, reason


def _note(source: Path, reason: str) -> str:
    when = datetime.now(UTC).astimezone().isoformat(" ", "seconds")
    return f"{reason}\n\nThis was {source}, given up by imgtrans at {when}.\n"
