"""Who may work in an output folder of a store: leases, objects that are renewed as long as somebody is at work."""

import json
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path

from imgtrans.errors import FilesError
from imgtrans.journal.entry import process_of
from imgtrans.storage.address import Address
from imgtrans.storage.explained import ObjectError, StoreError, nothing_else_helps

BEAT_SECONDS = 20.0
LEASE_SECONDS = 90.0  # without a beat, until somebody else may have it
_TRIES = 3


class Lease:
    """An object that one process has at a time.

    It is made only if there is none. One that was not renewed for a while is taken over, by the store's clock, and that
    of a process of this machine that is gone at once; of several who come for it one wins, as each has to make the same
    other object first.

    Args:
        address: The object.
        output: The output folder, as the user knows it.
        whose: Who it is that has it if somebody else has, in words.

    Raises:
        FilesError: If somebody else has it.
    """

    def __init__(self, address: Address, output: Address, whose: str) -> None:
        self._address, self._output, self._whose = address, output, whose
        self._token = secrets.token_hex(8)
        self._beaten = time.monotonic()
        self._lost = False
        self._turn = threading.Lock()
        self._ended = threading.Event()
        with nothing_else_helps():
            if not any(self._taken() for _ in range(_TRIES)):
                raise in_use(output, whose)
        self._thread = threading.Thread(target=self._beat, name="lease", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Make sure that nobody else has it now.

        Raises:
            FilesError: If somebody may have.
        """
        if time.monotonic() - self._beaten > LEASE_SECONDS / 2:  # the store was away, or this machine asleep
            with nothing_else_helps():
                self._renew()
        if self._lost:
            raise FilesError(
                f"{self._output} is in use by {self._whose} since this one could not be seen to be at work",
                "run the same command again when that has ended: it goes on where it stopped",
            )

    def release(self) -> None:
        """Let others have it."""
        self._ended.set()
        with self._turn:
            try:
                if not self._lost and self._is_mine():
                    self._address.store.delete(self._address)
            except (StoreError, ObjectError):  # it runs out by itself
                pass

    def _content(self) -> bytes:
        return json.dumps({"token": self._token, "process": process_of(), "where": _here()}).encode()

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_SECONDS):
            try:
                self._renew()
            except (StoreError, ObjectError):
                continue  # it may come back in time

    def _renew(self) -> None:
        with self._turn:
            if self._ended.is_set() or self._lost:
                return
            if not self._is_mine():
                self._lost = True
                return
            self._address.store.write(self._address, self._content())
            self._beaten = time.monotonic()

    def _is_mine(self) -> bool:
        return _read(self._address).get("token") == self._token

    def _taken(self) -> bool:
        """Try to have it: make it, or take over what nobody renews any more."""
        held = _read(self._address)  # first, as there are stores that make it whether it is there or not
        if not held and (self._address.store.create(self._address, self._content()) or self._is_mine()):
            return True
        if held and not is_stale(self._address, held):
            return False
        claim = self._address.with_name(f"{self._address.name}.{held.get('token', 'none')}")
        if not held or not claim.store.create(claim, self._content()):
            if held and is_stale(claim, _read(claim)):
                claim.store.delete(claim)  # of one who was killed just then
            return False
        self._address.store.write(self._address, self._content())
        claim.store.delete(claim)
        return True


class Leases:
    """Has an output folder, or one shard's part of it; as :class:`imgtrans.journal.locks.RunLock` on this machine.

    Args:
        output: The output folder.
        folder: Where the leases are.
        tag: Of the shard; "" is the whole run.

    Raises:
        FilesError: If somebody else has it.
    """

    def __init__(self, output: Address, folder: Address, tag: str) -> None:
        whole = folder / "lock"
        self._lease = Lease(folder / f"shard-{tag}.lock" if tag else whole, output, "another run")
        try:
            if tag:
                _check_free(whole, output, "another run")
            else:
                for page in folder.store.pages(folder):
                    for name, version in page:
                        if version and name.startswith("shard-") and name.endswith(".lock"):
                            shard = name.removesuffix(".lock").replace("-of-", "/").replace("-", " ")
                            _check_free(folder / name, output, f"{shard} of another run")
        except BaseException:
            self._lease.release()
            raise
        self.check: Callable[[], None] = self._lease.check
        self.release: Callable[[], None] = self._lease.release


def in_use(output: Address, whose: str) -> FilesError:
    """Return what is said of a folder that somebody else has."""
    return FilesError(
        f"{output} is in use by {whose}",
        f"wait for it to end (one that was killed on another machine counts as ended after {LEASE_SECONDS:.0f} "
        f"seconds), or name another output folder with -o",
    )


def is_stale(address: Address, held: dict[str, str], *, only_looking: bool = False) -> bool:
    """Whether whoever had a lease is gone, or has not renewed it for long."""
    if held.get("where") == _here() != "":
        return process_of(held["process"]) != held["process"]
    return (address.store.age(address, only_looking=only_looking) or 0.0) > LEASE_SECONDS


def _here() -> str:
    """Return where processes have the numbers that they have here; "" if that is not known."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"  # containers of one machine may have one name, too
    except OSError:
        return ""


def is_held(address: Address, *, only_looking: bool = False) -> bool:
    """Whether somebody has a lease."""
    held = _read(address)
    return bool(held) and not is_stale(address, held, only_looking=only_looking)


def _check_free(address: Address, output: Address, whose: str) -> None:
    if is_held(address):
        raise in_use(output, whose)


def _read(address: Address) -> dict[str, str]:
    content = address.store.read(address)
    try:
        held = json.loads(content) if content else {}
    except ValueError:
        held = {}
    return held if isinstance(held, dict) else {}
