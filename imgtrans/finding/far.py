"""Objects of a store that a run meets: told by listings and names, and opened only where a name does not say enough."""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from imgtrans.errors import FilesError
from imgtrans.finding.file import Found, inspect
from imgtrans.finding.walk import Place
from imgtrans.images.formats import has_image_name, is_hidden_or_system
from imgtrans.images.written import likely_format
from imgtrans.storage.address import Address
from imgtrans.storage.explained import ObjectError
from imgtrans.storage.listings import Listings
from imgtrans.storage.store import AT_ONCE
from imgtrans.storage.threads import in_order_where_called
from imgtrans.storage.versions import Version

HEAD_BYTES = 64 << 10  # by which an object is told whose name does not say what it is


@dataclass(frozen=True)
class FarPlace(Place):
    """A folder of objects on the way.

    Attributes:
        listings: Know what is in it.
    """

    listings: Listings | None = None

    def content(self) -> tuple[Iterable[str], Iterable[str]]:
        """Return the names of the files and of the folders in it, sorted, however many."""
        folders = self._known.folders(self._address)
        return self._known.files(self._address), (name for name in folders if not is_hidden_or_system(name))

    def inside(self, name: str) -> "FarPlace":
        """Return the place of a folder in it."""
        return replace(
            self,
            path=self.path / name,
            relative=self.relative / name,
            real=f"{self.real}/{name}",
            above=self.above | {self.real},
        )

    def looks(self, names: Iterable[str]) -> Iterator[Found]:
        """Look at files in it: at most of them by their names, at others several at a time."""
        return in_order_where_called(map(self._look, names), AT_ONCE)

    def look(self, name: str) -> Found:
        """Look at a file in it."""
        found = self._look(name)
        return found if isinstance(found, Found) else found()

    def _look(self, name: str) -> "Found | Callable[[], Found]":
        address = self._address / name
        if is_hidden_or_system(name) or not isinstance(address, Address):
            return Found(address, self.relative / name, "", root=self.root)
        version = self._known.version(address) or Version(0, 0)
        return _looked_at(address, self.relative / name, self.root, version)

    @property
    def _address(self) -> Address:
        assert isinstance(self.path, Address)
        return self.path

    @property
    def _known(self) -> Listings:
        assert self.listings is not None
        return self.listings


def place_of(root: Path, listings: Listings | None) -> Place:
    """Return the place of a folder that the user named, on this machine or not."""
    return FarPlace(**vars(Place.of(root)), listings=listings) if isinstance(root, Address) else Place.of(root)


def look_far(address: Address, relative: Path, root: Path, *, named: bool = False) -> Found:
    """Look at an object of which only the address is known.

    Args:
        address: Of the object.
        relative: Its path below what the user named.
        root: What the user named.
        named: Whether the user named itself, so that it is a problem if it is no picture.
    """
    try:
        version = address.store.version(address)
    except ObjectError as error:
        return Found(address, relative, "", problem=f"{address} cannot be read: {error.strerror}.", root=root)
    looked = _looked_at(address, relative, root, version)
    found = looked if isinstance(looked, Found) else looked()
    if named and not found.format and not found.problem:
        return replace(found, problem=f"{address} is not a picture that can be read.")
    return found


def _looked_at(address: Address, relative: Path, root: Path, version: Version) -> "Found | Callable[[], Found]":
    """Return what an object is by its name; else what is to be called to see."""
    size, number = version.size, version.number
    if has_image_name(address):
        return Found(address, relative, likely_format(address.name), size, number, root=root)
    return partial(_opened, address, relative, root, version)


def _opened(address: Address, relative: Path, root: Path, version: Version) -> Found:
    """Look at how an object begins."""
    nothing = Found(address, relative, "", version.size, version.number, root=root)
    if not version.size:
        return nothing
    with tempfile.TemporaryDirectory(prefix="imgtrans-") as folder:
        path = Path(folder, f"head{address.suffix}")
        try:
            path.write_bytes(address.store.head(address, min(HEAD_BYTES, max(version.size, 1))))
        except ObjectError as error:
            return replace(nothing, problem=f"{address} cannot be read: {error.strerror}.")
        except OSError as error:
            raise FilesError(f"{folder} cannot be written: {error.strerror}") from error
        found = inspect(path, relative)
    return replace(nothing, format=found.format, problem=found.problem.replace(str(path), str(address)))
