"""Runs against stores that fail: throttled, cut off, denied, used by somebody else, and runs that are killed."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from imgtrans.journal import far, lease
from imgtrans.storage import store as storage
from imgtrans.storage.address import Address, addressed
from imgtrans.zoo.store import Model
from tests.conftest import Ended
from tests.stores import Bucket, Proxy, picture

Cli = Callable[..., Ended]
DEADLINE = 120.0


@pytest.fixture
def arguments(s3: Bucket, tiny: Model) -> list[str]:
    """A run from the bucket to itself."""
    s3.put({f"in/{n:02d}.png": picture(seed=n) for n in range(12)})
    return ["run", f"{s3.address}/in", "-m", "tiny", "-o", f"{s3.address}/out"]


@pytest.fixture
def expected(cli: Cli, arguments: list[str], s3: Bucket) -> dict[str, bytes]:
    """What comes of it if nothing fails."""
    other = [*arguments[:-1], f"{s3.address}/expected"]
    assert cli(*other).code == 0
    return made(s3, "expected")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits long for a store."""
    monkeypatch.setattr(storage, "Retrying", lambda: storage_retrying([0.01] * 4))
    monkeypatch.setattr(storage, "_SECONDS", 1)


def storage_retrying(pauses: list[float]) -> object:
    from imgtrans.storage.retrying import Retrying

    return Retrying(pauses)


def made(s3: Bucket, folder: str) -> dict[str, bytes]:
    return {name: s3.read(f"{folder}/{name}") for name in s3.names(folder)}


def every(number: int, fault: str, method: str = "", part: str = "") -> Callable[[str, str], str]:
    """Return a fault of each of so many requests."""
    numbers = count(1)

    def at(asked: str, path: str) -> str:
        if (method and asked != method) or part not in path:
            return ""
        return fault if next(numbers) % number == 0 else ""

    return at


@pytest.mark.parametrize(
    ("fault", "method", "part"),
    [
        ("slow down", "", ""),
        ("reset", "", ""),
        ("lost", "PUT", "out/"),
        ("cut", "GET", "in/"),
    ],
)
def test_what_passes_is_tried_again(
    cli: Cli, arguments: list[str], expected: dict[str, bytes], s3: Bucket, proxy: Proxy, fault: str, method: str,
    part: str,
):  # fmt: skip
    asked = len(proxy.asked)
    proxy.fault = every(4, fault, method, part)
    ended = cli(*arguments)
    assert ended.code == 0, ended.err
    assert made(s3, "out") == expected
    assert len(proxy.asked) - asked > 24
    proxy.fault = lambda method, path: ""
    assert "nothing to do: 12 done before" in cli(*arguments).err


@pytest.mark.usefixtures("impatient")
def test_an_answer_that_stops_coming_is_asked_for_again(
    cli: Cli, arguments: list[str], expected: dict[str, bytes], s3: Bucket, proxy: Proxy
):
    storage._stores.clear()
    proxy.fault = every(6, "stuck", "GET", "in/0")
    assert cli(*arguments).code == 0
    assert made(s3, "out") == expected


@pytest.mark.usefixtures("impatient")
def test_an_object_that_may_not_be_read_fails_alone(cli: Cli, arguments: list[str], s3: Bucket, proxy: Proxy):
    storage._stores.clear()
    proxy.fault = lambda method, path: "denied" if method == "GET" and "in/03" in path else ""
    ended = cli(*arguments)
    assert ended.code == 1 and len(s3.names("out")) == 11
    assert f"{s3.address}/in/03.png cannot be read: access is denied (Access Denied)." in ended.err
    proxy.fault = lambda method, path: "slow down" if method == "GET" and "in/03" in path else ""
    busy = cli(*arguments)
    assert busy.code == 1 and f"{s3.address} does not answer" in busy.err
    proxy.fault = lambda method, path: ""
    assert "1 translated, 11 done before" in cli(*arguments).err


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("fault", "method", "part", "sentence"),
    [
        ("denied", "GET", "list-type", "cannot be read: access is denied (Access Denied)"),
        ("denied", "PUT", "out", "cannot be written: access is denied (Access Denied)"),
        ("denied", "PUT", "out/0", "cannot be written: access is denied (Access Denied)"),
        ("reset", "", "", "cannot be reached"),
        ("slow down", "PUT", "out/0", "cannot be reached (Please reduce your request rate)"),
        ("slow down", "GET", "in/", "does not answer (Please reduce your request rate)"),
    ],
)
def test_a_store_that_does_not_do_what_is_needed_ends_the_run_with_a_sentence(
    cli: Cli, arguments: list[str], s3: Bucket, proxy: Proxy, fault: str, method: str, part: str, sentence: str
):
    storage._stores.clear()
    proxy.fault = lambda asked, path: fault if (not method or asked == method) and part in path else ""
    ended = cli(*arguments)
    assert ended.code == 4 and sentence in ended.err and "Traceback" not in ended.err
    assert s3.names("out") <= ({"10.png", "11.png"} if part == "out/0" else set())  # which may be written then
    proxy.fault = lambda method, path: ""
    assert cli(*arguments).code == 0 and len(s3.names("out")) == 12


def started(arguments: list[str], **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "imgtrans", *arguments], env={**os.environ, **environment}, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
    )  # fmt: skip


def wait_until(true: Callable[[], bool]) -> None:
    """Wait for another process."""
    until = time.monotonic() + DEADLINE
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)


def held_back(proxy: Proxy, after: int) -> threading.Event:
    """Have no output written beyond so many until the event is set."""
    written, go_on = count(1), threading.Event()

    def fault(method: str, path: str) -> str:
        if method == "PUT" and "/out/" in path and ".imgtrans" not in path and next(written) > after:
            go_on.wait(DEADLINE)
        return ""

    proxy.fault = fault
    return go_on


def outputs_put(proxy: Proxy, since: int = 0) -> list[str]:
    return [p for m, p in proxy.asked[since:] if m == "PUT" and "/out/" in p and ".imgtrans" not in p]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_is_gone_on_with_where_it_stopped(
    cli: Cli, arguments: list[str], expected: dict[str, bytes], s3: Bucket, proxy: Proxy, how: signal.Signals,
    tmp_path: Path,
):  # fmt: skip
    go_on = held_back(proxy, after=4)
    run = started(arguments, TMPDIR=str(tmp_path))
    wait_until(lambda: len(s3.names("out")) >= 3 or run.poll() is not None)
    os.killpg(run.pid, how) if how == signal.SIGKILL else run.send_signal(how)
    run.communicate()
    assert run.returncode == (-9 if how == signal.SIGKILL else 130)
    left = [path.name for path in tmp_path.iterdir()]
    assert all(name.startswith("imgtrans-stage-") for name in left) and bool(left) == (how == signal.SIGKILL)
    proxy.fault = lambda method, path: ""
    go_on.set()
    wait_until(lambda: not proxy.busy)  # what was under way when it was killed arrives yet
    there = made(s3, "out")
    assert {**expected, **there} == expected  # each of them whole
    since = len(proxy.asked)
    ended = cli(*arguments, "--scratch", str(tmp_path))
    assert ended.code == 0 and f"{len(there)} done before" in ended.err
    assert len(outputs_put(proxy, since)) == len(expected) - len(there)
    assert made(s3, "out") == expected
    assert [*tmp_path.iterdir()] == []
    remembered = {name for name in s3.everything("out") if ".imgtrans" in name}
    assert remembered == {".imgtrans/journal.sqlite"}


def test_of_two_runs_at_once_the_second_stops(cli: Cli, arguments: list[str], s3: Bucket, proxy: Proxy):
    go_on = held_back(proxy, after=1)
    run = started(arguments)
    wait_until(lambda: ".imgtrans/lock" in s3.everything("out") or run.poll() is not None)
    for more in ([], ["--shard", "1/2"]):
        second = cli(*arguments, *more)
        assert second.code == 4 and f"error: {s3.address}/out is in use by another run\n" in second.err
    go_on.set()
    run.communicate()
    assert run.returncode == 0


def test_a_lease_of_another_machine_runs_out(
    cli: Cli, arguments: list[str], s3: Bucket, monkeypatch: pytest.MonkeyPatch
):
    held = json.dumps({"token": "other", "process": "elsewhere 1 1.00", "where": "elsewhere"}).encode()
    s3.put({"out/.imgtrans/lock": held})
    assert cli(*arguments).code == 4
    monkeypatch.setattr(lease, "LEASE_SECONDS", -1)
    monkeypatch.setattr(lease.Lease, "check", lambda self: None)
    assert cli(*arguments).code == 0
    assert {name for name in s3.everything("out") if "lock" in name} == set()


def test_who_has_lost_its_lease_stops(s3: Bucket, monkeypatch: pytest.MonkeyPatch):
    output = addressed(f"{s3.address}/out")
    assert isinstance(output, Address)
    mine = lease.Lease(output / "lock", output, "another run")
    mine.check()
    s3.put({"out/lock": b"{}"})
    monkeypatch.setattr(lease, "LEASE_SECONDS", 0)
    with pytest.raises(lease.FilesError, match="is in use by another run since"):
        mine.check()
    mine.release()
    assert s3.read("out/lock") == b"{}"


def test_snapshots_are_put_there_while_it_is_at_work(
    cli: Cli, arguments: list[str], s3: Bucket, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(far, "SNAPSHOT_SECONDS", 0)
    assert cli(*arguments).code == 0
    assert sum(method == "PUT" and "journal.sqlite" in path for method, path in proxy.asked) > 1
    assert {name for name in s3.everything("out") if ".imgtrans" in name} == {".imgtrans/journal.sqlite"}


def test_what_reads_a_store_has_to_be_installed(cli: Cli, tiny: Model, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(storage, "_stores", {})
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    ended = cli("run", "gs://bucket/in", "-m", "tiny", "-o", "out")
    assert (ended.code, ended.err) == (
        5,
        "error: what reads gs:// is not installed\n  pip install 'imgtrans[cloud]' gcsfs\n",
    )


@pytest.mark.parametrize("command", [["--help"], ["run", "--help"], ["run", "{photos}", "-m", "tiny", "-o", "{out}"]])
def test_folders_of_this_machine_need_nothing_of_all_this(tiny: Model, tmp_path: Path, command: list[str]):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(picture())
    words = [word.format(photos=tmp_path / "in", out=tmp_path / "out") for word in command]
    script = (
        "import sys\nfrom imgtrans.__main__ import main\nsys.argv[0] = 'imgtrans'\n"
        "try:\n    main()\nexcept SystemExit as ended:\n    assert not ended.code\n"
        "print([name for name in ('fsspec', 's3fs', 'aiohttp', 'botocore') if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script, *words], check=True, capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == "[]"
