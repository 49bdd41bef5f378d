"""Which of the pictures that a run meets it takes: glob patterns, a limit, a list."""

import functools
import re
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path

from imgtrans.errors import OptionError


@dataclass(frozen=True)
class Selection:
    """What the user wants of what there is; by default everything.

    A pattern without a slash is of a name, in any folder; one with a slash is of the whole path below the input. ``*``
    and ``?`` stand for anything but slashes, ``**`` for any folders, ``[a-z]`` and ``[!a-z]`` for one character. What
    matches a folder matches everything in it. Upper and lower case are the same on every system, and so are the two
    ways to write an accented letter.

    Attributes:
        include: Patterns of what is taken; none is everything.
        exclude: Patterns of what is not, even if it is included.
        limit: Pictures to translate, at most; 0 is any number.
        files_from: A file that lists what is taken, ``-`` for standard input; None is no list.
        null: Whether it is separated by NUL instead of by lines.
        anywhere: Whether the files in the list may be outside the input.
        include_outputs: Whether outputs of imgtrans itself are taken.

    Raises:
        OptionError: If a pattern is empty.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    limit: int = 0
    files_from: Path | None = None
    null: bool = False
    anywhere: bool = False
    include_outputs: bool = False

    def __post_init__(self) -> None:
        for option, patterns in (("include", self.include), ("exclude", self.exclude)):
            if not all(pattern.strip("/") for pattern in patterns):
                raise OptionError(option, "has an empty pattern", "give one like '*.jpg' or 'holiday/**'")

    @property
    def complete(self) -> bool:
        """Whether everything is taken."""
        return replace(self, include_outputs=False) == Selection()

    @property
    def chooses(self) -> bool:
        """Whether there are patterns."""
        return bool(self.include or self.exclude)

    def takes(self, relative: Path) -> bool:
        """Whether a file of this path below the input is taken."""
        return (not self.include or _matches(self.include, relative)) and self.enters(relative)

    def enters(self, relative: Path) -> bool:
        """Whether there can be anything to take in a folder of this path below the input."""
        return not (self.exclude and _matches(self.exclude, relative))


EVERYTHING = Selection()


def _matches(patterns: tuple[str, ...], relative: Path) -> bool:
    return _compiled(patterns).fullmatch(_folded(relative.as_posix())) is not None


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


@functools.lru_cache
def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    one_of = "|".join(map(_expression, patterns))
    return re.compile(f"(?:{one_of})(?:/.*)?", re.DOTALL)  # what is in a folder that matches does, too


def _expression(pattern: str) -> str:
    """Return a pattern as a regular expression."""
    *folders, last = _folded(pattern).strip("/").split("/")
    if not folders and "/" not in pattern.rstrip("/"):
        folders = ["**"]
    start = "".join("(?:[^/]+/)*" if folder == "**" else f"{_part(folder)}/" for folder in folders)
    return start + (".+" if last == "**" else _part(last))


def _part(pattern: str) -> str:
    """Return a pattern of one name as a regular expression."""
    made = ""
    for piece in re.findall(r"\[[!^]?\]?[^\]]*\]|\*+|.", pattern, re.DOTALL):
        if piece[0] == "*":
            made += "[^/]*"
        elif piece == "?":
            made += "[^/]"
        else:
            made += _class(piece) if len(piece) > 2 else re.escape(piece)
    return made


def _class(pattern: str) -> str:
    """Return ``[a-z]`` or ``[!a-z]`` as a regular expression; what makes no sense, as ``[z-a]``, stands for itself."""
    negated = pattern[1] in "!^"
    inside = re.sub(r"([\\\[\]^&~|])", r"\\\1", pattern[1 + negated : -1])
    expression = f"[^/{inside}]" if negated else f"(?!/)[{inside}]"
    try:
        re.compile(expression)
    except re.error:
        return re.escape(pattern)
    return expression if inside else re.escape(pattern)
