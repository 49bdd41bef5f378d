"""What is known of each file of a watched folder: in which version it was met, and what became of that."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from imgtrans.protocols import Item
from imgtrans.watching.seeing.version import Version

BUSY, DONE, FAILED, REFUSED, ASIDE = "busy", "done", "failed", "refused", "aside"
_MOST_DEPARTED = 4096  # files that may have been given another name


@dataclass(frozen=True, slots=True)
class Fact:
    """What became of a version of a file.

    Attributes:
        version: The version.
        state: ``busy``, ``done``, ``failed``, ``refused`` (it is not tried as it stands) or ``aside`` (no picture).
        key: What the journal knows its output by; b"" if it has none.
        output_size: Of the output that was made, bytes.
        output_mtime_ns: Of the same.
        problem: Why it is refused.
        certain: Whether the output is of this very version: it still was the file's once it had been read.
    """

    version: Version
    state: str
    key: bytes = b""
    output_size: int = 0
    output_mtime_ns: int = 0
    problem: str = ""
    certain: bool = True


class Ledger:
    """Facts by the files' paths, and whose each output is."""

    def __init__(self) -> None:
        self._facts: dict[str, Fact] = {}
        self._owners: dict[bytes, str] = {}
        self._inodes: dict[tuple[int, int], str] = {}
        self._items: dict[str, Item] = {}
        self._departed: dict[tuple[int, int], tuple[str, Fact]] = {}

    def __getitem__(self, relative: str) -> Fact | None:
        return self._facts.get(relative)

    def __iter__(self) -> Iterator[str]:
        return iter([*self._facts])

    def __len__(self) -> int:
        return len(self._facts)

    @property
    def busy(self) -> int:
        """How many pictures are in hand."""
        return len(self._items)

    def of(self, *states: str) -> list[tuple[str, Fact]]:
        """Return the facts that are in one of some states."""
        return [(relative, fact) for relative, fact in self._facts.items() if fact.state in states]

    def set(self, relative: str, fact: Fact) -> None:
        """A file's version has become this."""
        self.forget(relative)
        self._facts[relative] = fact
        if fact.key and fact.state != REFUSED:
            self._owners[fact.key] = relative
        if fact.state == DONE and fact.certain:
            self._inodes[fact.version.device, fact.version.inode] = relative

    def begin(self, relative: str, version: Version, item: Item) -> None:
        """A picture is going to be translated."""
        self.set(relative, Fact(version, BUSY, item.key))
        self._items[relative] = item

    def again(self, relative: str, version: Version) -> None:
        """A file has another time of change, and the same content."""
        self._facts[relative] = replace(self._facts[relative], version=version)

    def depart(self, relative: str) -> None:
        """A file is gone; it may come back under another name."""
        fact = self.forget(relative)
        if fact is not None and fact.state == DONE and fact.certain:
            while len(self._departed) >= _MOST_DEPARTED:
                del self._departed[next(iter(self._departed))]
            self._departed[fact.version.device, fact.version.inode] = relative, fact

    def forget(self, relative: str) -> Fact | None:
        """Nothing is known of a file any more."""
        fact = self._facts.pop(relative, None)
        self._items.pop(relative, None)
        if fact is not None:
            if self._owners.get(fact.key) == relative:
                del self._owners[fact.key]
            if self._inodes.get((fact.version.device, fact.version.inode)) == relative:
                del self._inodes[fact.version.device, fact.version.inode]
        return fact

    def owner(self, key: bytes) -> str | None:
        """Return the file whose output this is."""
        return self._owners.get(key)

    def before(self, version: Version) -> tuple[str, Fact] | None:
        """Return the file that was done and that this was, before it was given another name."""
        inode = version.device, version.inode
        relative = self._inodes.get(inode)
        known = (relative, self._facts[relative]) if relative is not None else self._departed.get(inode)
        return known if known is not None and known[1].version.renamed(version) else None

    def let_go(self) -> None:
        """What was in hand is not any more, and is met anew."""
        for relative in [*self._items]:
            self.forget(relative)
