"""A model from elsewhere into the zoo: found, downloaded, its hash checked or recorded, imported."""

import re
import shlex
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from filelock import FileLock, Timeout

from imgtrans.errors import FilesError, ModelError, UnavailableError, UsageError
from imgtrans.files import sha256_of
from imgtrans.places import home
from imgtrans.registry import registered
from imgtrans.zoo import catalogue, hub, pulled, store
from imgtrans.zoo.catalogue import Entry
from imgtrans.zoo.download import LIMITS, Limits, Progress, download, shown

if TYPE_CHECKING:
    from imgtrans.zoo.importing import Imported

_ADDRESSES = "it takes http://, https:// and hf://"
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Pulled:
    """A model that was pulled.

    Attributes:
        model: The model.
        address: Where it came from, without what could be a secret.
        imported: What was found out about it; None where another process pulled it.
    """

    model: store.Model
    address: str
    imported: "Imported | None"


@dataclass(frozen=True)
class Source:
    """Where a model comes from.

    Attributes:
        entry: What is known of it; its ``sha256`` is what somebody vouches for.
        reference: What its hash is recorded under.
        url: Where the file is.
        headers: What the request needs beside it.
        announced: The hash that the server itself says: a check of the line, and of nobody's word.
    """

    entry: Entry
    reference: str
    url: str
    headers: Mapping[str, str]
    announced: str = ""

    @property
    def address(self) -> str:
        """What to call it before people."""
        return self.reference if self.reference.startswith(hub.SCHEME) else shown(self.url)

    @property
    def file_name(self) -> str:
        """The name of the file, made of harmless characters."""
        name = unquote(PurePosixPath(urlsplit(self.url).path).name)
        return re.sub(r"[^A-Za-z0-9._+-]", "_", name).lstrip(".")[-100:] or "checkpoint"


def pull(
    reference: str,
    name: str = "",
    *,
    network: str = "",
    assume: Mapping[str, str] | None = None,
    source: str = "",
    target: str = "",
    sha256: str = "",
    accept_changed: bool = False,
    catalogues: Sequence[str] = (),
    limits: Limits = LIMITS,
    progress: Progress = lambda done, total: None,
    say: Callable[[str], None] = lambda text: None,
    warn: catalogue.Warn = lambda text: None,
    sleep: Callable[[float], None] = time.sleep,
) -> Pulled:
    """Put a model from elsewhere into the zoo.

    Args:
        reference: A name of a catalogue, an http or https URL, or ``hf://owner/repo[/file]``.
        name: What to call it; else the catalogue's name, or the file's.
        network: Which of the file's networks, where it has several; else the catalogue's.
        assume: What to assume of it, beside what the catalogue says.
        source: What it turns, in place of what the catalogue says.
        target: What it turns that into, likewise.
        sha256: What the file's hash must be.
        accept_changed: Take a file that is another than was pulled from there before.
        catalogues: The user's catalogues, beside the one that comes with imgtrans.
        limits: As for :func:`imgtrans.zoo.download.download`, as are the following.
        progress: Told how far it is.
        say: Told why it takes longer.
        warn: Told which catalogue cannot be fetched.
        sleep: Waits so many seconds.

    Raises:
        UsageError: If the reference, the name or a catalogue is none.
        ModelError: If no catalogue has it, it is not what it should be, or no network that imgtrans knows.
        UnavailableError: If it cannot be reached, or the plugin that knows its network is not installed.
        FilesError: If the name is taken, or the zoo cannot be written.
    """
    sha256 = sha256.lower()
    if sha256 and not _SHA256.fullmatch(sha256):
        raise UsageError(f"{sha256!r} is no SHA-256", "it has 64 hexadecimal digits")
    if "://" not in reference and store.is_path(reference):
        raise UsageError(
            f"{reference} is a file, not a model's name", f"imgtrans models import {shlex.quote(reference)}"
        )
    usual = _name_of(reference)
    store.check_free(name or usual)
    found = find_source(reference, catalogues, warn)
    package = found.entry.package
    if package and not any(one.package == package and not one.left_out for one in registered("imgtrans.architectures")):
        raise UnavailableError(f"{reference} is for the plugin {package}, which is not here", f"pip install {package}")
    entry = replace(
        found.entry,
        sha256=sha256 or found.entry.sha256,
        network=network or found.entry.network,
        assume={**found.entry.assume, **(assume or {})},
        source=source or found.entry.source,
        target=target or found.entry.target,
    )
    found = replace(found, entry=entry)
    name = name or usual
    with _alone(name, say) as waited:
        if waited and name in store.names():
            return Pulled(store.find(name), found.address, None)
        folder = _downloads() / name
        path = folder / found.file_name
        try:
            download(found.url, path, headers=found.headers, limits=limits, progress=progress, say=say, sleep=sleep)
        finally:
            with suppress(OSError):
                folder.rmdir()  # if nothing has come
        try:
            digest = _checked(path, found, accept_changed)
            imported = _import(path, name, found)
        except ModelError:
            shutil.rmtree(folder, ignore_errors=True)  # it will not become better
            raise
        pulled.record(found.reference, digest)
        shutil.rmtree(folder, ignore_errors=True)
    return Pulled(imported.model, found.address, imported)


def find_source(reference: str, catalogues: Sequence[str] = (), warn: catalogue.Warn = lambda text: None) -> Source:
    """Find out where a model comes from; see :func:`pull`."""
    scheme = reference.partition("://")[0].lower() if "://" in reference else ""
    if scheme:
        entry = Entry(_name_of(reference), reference)
    else:
        found = catalogue.find(reference, catalogues, warn)
        if found is None:
            close = catalogue.nearest(reference, catalogues)
            raise ModelError(
                f"no catalogue has a model called {reference!r}",
                f"did you mean {close}?" if close else "imgtrans models catalogue lists what there is",
            )
        entry, scheme = found, found.url.partition("://")[0].lower()
    if scheme == "hf":
        file = hub.resolve(entry.url)
        return Source(entry, file.reference, file.url, file.headers, file.sha256)
    if scheme not in ("http", "https"):
        raise UsageError(f"{reference} is neither a name nor an address that imgtrans can pull from", _ADDRESSES)
    return Source(entry, _without_user(entry.url), entry.url, {})


def _name_of(reference: str) -> str:
    """Return what a model is called if nobody says: the name itself, or that of the file or repository."""
    if "://" not in reference:
        return reference
    try:
        address = urlsplit(reference)
    except ValueError as error:
        raise UsageError(f"{reference} is no address: {error}") from error
    last = PurePosixPath(unquote(address.path)).name
    return store.name_of(PurePosixPath(last or address.netloc))


def _without_user(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()


def _downloads() -> Path:
    return home() / "downloads"


@contextmanager
def _alone(name: str, say: Callable[[str], None]) -> Iterator[bool]:
    """Keep other processes from pulling a model of this name meanwhile; gives whether one was waited for."""
    folder = _downloads()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f".{name}.lock")  # no model's name begins with a dot
        waited = False
        try:
            lock.acquire(blocking=False)
        except Timeout:
            say(f"another imgtrans is pulling {name}; waiting for it")
            waited = True
            lock.acquire()
    except OSError as error:
        raise FilesError(f"{folder} cannot be written: {error.strerror}") from error
    try:
        yield waited
    finally:
        lock.release()


def _checked(path: Path, source: Source, accept_changed: bool) -> str:
    """Return a file's hash if the file is what it should be."""
    digest, where = sha256_of(path), source.address
    if source.entry.sha256 not in ("", digest):
        raise ModelError(
            f"{where} is not the file that it should be: its SHA-256 is {digest}, not {source.entry.sha256}",
            "do not use it, or find out who changed it",
        )
    if source.announced not in ("", digest):
        raise ModelError(f"{where} did not come as it was sent: its SHA-256 is {digest}", "pull it again")
    before = pulled.recorded(source.reference)
    if before and before.sha256 != digest and not source.entry.sha256 and not accept_changed:
        raise ModelError(
            f"{where} is another file than on {before.date}: its SHA-256 is {digest}, then it was {before.sha256}",
            "find out why; --accept-changed takes it all the same",
        )
    return digest


def _import(path: Path, name: str, source: Source) -> "Imported":
    """Put a file that has come into the zoo, with what is known of it on its card."""
    from imgtrans.zoo.importing import import_checkpoint  # noqa: PLC0415 - torch, when there is something to read

    entry = source.entry
    try:
        return import_checkpoint(
            path,
            name,
            network=entry.network,
            assume=entry.assume,
            source=entry.source,
            target=entry.target,
            licence=entry.licence,
            working_size=entry.working_size,
            origin=source.address,
        )
    except ModelError as error:  # its sentence is about a file that will be gone when it is read
        raise ModelError(error.message.replace(str(path), source.address), error.hint) from error
