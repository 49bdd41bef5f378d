"""Run by ``test_concurrency.py`` in processes that have no torch: changes to one zoo, at once and killed half-way."""

import json
import os
import random
import secrets
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import filelock  # noqa: F401 - here, or the first change would also open its files

from imgtrans.card import Card
from imgtrans.errors import ImgtransError, ModelError
from imgtrans.files import is_temporary, sha256_of
from imgtrans.zoo.staging import sweep
from imgtrans.zoo.store import find, install, models, models_folder, names, remove, rename
from imgtrans.zoo.verify import OK, verify

KILLED = -signal.SIGKILL


def put(name: str) -> None:
    """Install a model that is like no other."""
    install(Card(name, "", "", "resnet", {}, ""), write)


def write(path: Path) -> None:
    with path.open("wb") as file:
        for _ in range(4):
            file.write(secrets.token_bytes(1 << 14))
            file.flush()


CHANGES: dict[str, Callable[[], object]] = {
    "install": lambda: put("mine"),
    "there": lambda: rename("mine", "other"),
    "back": lambda: rename("other", "mine"),
    "remove": lambda: remove("mine"),
    "remove other": lambda: remove("other"),
}


def change_for(seconds: float, seed: int) -> Counter[str]:
    """Make changes at random; return how many of each succeeded, and how many were refused."""
    chance, done = random.Random(seed), Counter[str]()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        name = chance.choice([*CHANGES])
        try:
            CHANGES[name]()
            done[name] += 1
        except ImgtransError:
            done["refused"] += 1
    return done


def change_in_turn() -> None:
    """Make one change after the other until this process is killed."""
    while True:
        for change in CHANGES.values():
            with suppress(ImgtransError):
                change()


def read_for(seconds: float) -> Counter[str]:
    """List, find and read; raise if what is there is not whole."""
    done = Counter[str]()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done["listed"] += len(models())
        for name in ("mine", "other"):
            # Another model may take the name between card and weights; it does not do so every time.
            assert any(is_whole(name, done) for _ in range(10)), name
    return done


def is_whole(name: str, done: Counter[str]) -> bool:
    try:
        model = find(name)
        digest = sha256_of(model.weights)
    except (ModelError, FileNotFoundError):
        return True  # there is none
    done["read"] += digest == model.card.sha256
    return digest == model.card.sha256


def kill_often(rounds: int) -> Counter[str]:
    """Kill a process that makes changes, at any moment."""
    done = Counter[str]()
    for number in range(rounds):
        child = forked(change_in_turn)
        time.sleep(random.Random(number).uniform(0.005, 0.06))
        os.kill(child, signal.SIGKILL)
        assert ended(child) == KILLED
        done["left over"] += len(leftovers())
        check()
        done["killed"] += 1
    return done


def kill_everywhere() -> Counter[str]:
    """Kill each change before each of the file operations that it consists of: the zoo is as before, or as after."""
    done = Counter[str]()
    for change, before, after in (
        ("install", set(), {"mine"}),
        ("there", {"mine"}, {"other"}),
        ("remove", {"mine"}, set()),
    ):
        for point in range(1000):
            for name in names():
                if name in ("mine", "other"):
                    remove(name)
            if before:
                put("mine")
            child = forked(lambda change=change, point=point: (die_at(point), CHANGES[change]()))
            status = ended(child)
            check()
            found = {*names()} & {"mine", "other"}
            assert found in ((before, after) if status == KILLED else (after,)), (change, point, status, found)
            if status == 0:
                break
            done[change] += 1
    return done


def die_at(point: int) -> None:
    """Kill this process before its file operation number ``point``."""
    operations = iter(range(point))

    def hook(event: str, _: object) -> None:
        if event in ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir") and next(operations, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def check() -> None:
    """Make sure that the zoo holds whole models, can be changed, and is clean after a sweep."""
    for name in names():
        assert verify(name).state == OK, verify(name)
    put("next")  # no lock is held
    remove("next")
    sweep(models_folder(), time.time() + 2 * 3600)
    assert not leftovers()
    assert {path.name for path in models_folder().iterdir()} <= {*names()}


def leftovers() -> list[str]:
    folder = models_folder()
    return [path.name for path in folder.iterdir() if is_temporary(path.name)] if folder.exists() else []


def forked(run: Callable[[], object]) -> int:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            run()
            status = 0
        finally:
            os._exit(status)
    return child


def ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    assert "torch" not in sys.modules
    what, *arguments = sys.argv[1:]
    print(
        json.dumps(
            {"change": change_for, "read": read_for, "often": kill_often, "everywhere": kill_everywhere}[what](
                *map(json.loads, arguments)
            )
        )
    )
