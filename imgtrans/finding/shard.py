"""A run in parts: which pictures are those of one machine of many."""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from imgtrans.errors import OptionError


@dataclass(frozen=True)
class Shard:
    """One of several parts of a run; each picture is in exactly one of them, on every machine the same.

    Attributes:
        number: Which one, from 1.
        count: How many there are.
    """

    number: int = 1
    count: int = 1

    def has(self, relative: Path) -> bool:
        """Whether a file of this path below the input is in this part."""
        if self.count == 1:
            return True
        digest = hashlib.blake2b(os.fsencode(relative), digest_size=8).digest()
        return int.from_bytes(digest) % self.count == self.number - 1

    @property
    def tag(self) -> str:
        """A name for its files, such as ``3-of-16``; "" if it is the whole run."""
        return f"{self.number}-of-{self.count}" if self.count > 1 else ""

    def __str__(self) -> str:
        """Return it as the user writes it."""
        return f"{self.number}/{self.count}"


WHOLE = Shard()


def parse_shard(text: str) -> Shard:
    """Return the shard that the user means by ``3/16``; "" is the whole run.

    Raises:
        OptionError: If it is no such shard.
    """
    if not text:
        return WHOLE
    found = re.fullmatch(r"\s*(\d+)\s*/\s*(\d+)\s*", text)
    shard = Shard(int(found[1]), int(found[2])) if found else Shard(0)
    if not 1 <= shard.number <= shard.count:
        raise OptionError("shard", f"is {text!r}", "write it as 3/16, the third of sixteen, from 1/16 to 16/16")
    return shard
