"""Pictures on their way: fetched ahead, in so much room, and gone when they are done with."""

import threading
from pathlib import Path

import pytest

from imgtrans.batch.plan import Decision, Policy, Recipe, decide
from imgtrans.batch.staging import Room, Staging
from imgtrans.journal.entry import Entry
from imgtrans.protocols import Item, Outcome
from imgtrans.storage.address import Address, addressed, standing
from tests.stores import Bucket, picture


def test_room_is_for_so_many_bytes_or_for_one_that_needs_more():
    room = Room(10)
    assert room.take(25)  # alone
    waited = threading.Thread(target=room.take, args=(4,))
    waited.start()
    waited.join(0.05)
    assert waited.is_alive()
    room.give_back(25)
    waited.join(10)
    assert not waited.is_alive() and room.take(6)
    stopped: list[bool] = []
    waiting = threading.Thread(target=lambda: stopped.append(room.take(1)))
    waiting.start()
    room.stop()
    waiting.join(10)
    assert stopped == [False]


def items(bucket: Bucket, count: int) -> list[Item]:
    made = []
    for number in range(count):
        name = f"{number}.png"
        place = addressed(f"{bucket.address}/in/{name}")
        status = place.stat()
        output = addressed(f"{bucket.address}/out/{name}")
        key = name.encode()
        made.append(Item(place, output, key, key, "PNG", status.st_size, status.st_mtime_ns))
    return made


def test_pictures_are_fetched_ahead_as_far_as_there_is_room_and_deleted_when_done(memory_store: Bucket, tmp_path: Path):
    memory_store.put({f"in/{n}.png": picture(seed=n) for n in range(20)})
    told: list[Decision] = []
    with Staging(tmp_path, lambda name, format: name, room=4 << 17) as staging:
        coming = staging.items(iter(items(memory_store, 20)), told.append, threads=6)
        for _ in range(20):
            staged = next(coming)
            here = [path for path in staging.folder.iterdir() if path.suffix == ".png"]
            assert 1 <= len(here) <= 4
            assert staged.input.read_bytes() == picture(seed=int(staged.key.decode().split(".")[0]))
            own = staging.back(Outcome(staged, None, f"{staged.input} is odd."))
            assert own.error == f"{own.item.input} is odd." and isinstance(own.item.input, Address)
            staging.over(own.item)
        assert next(coming, None) is None and told == []
        assert [*staging.folder.glob("*.png")] == []
    assert [*tmp_path.iterdir()] == []


def test_an_object_that_changes_between_listing_and_reading_fails(memory_store: Bucket, tmp_path: Path):
    memory_store.put({f"in/{n}.png": picture(seed=n) for n in range(2)})
    planned = items(memory_store, 2)
    memory_store.put({"in/0.png": picture(seed=9)})
    told: list[Decision] = []
    with Staging(tmp_path, lambda name, format: name) as staging:
        assert [item.key for item in staging.items(iter(planned), told.append)] == [b"1.png"]
    assert [one.problem for one in told] == [
        "memory://bucket/in/0.png cannot be read: it changed while it was being worked on."
    ]


@pytest.mark.parametrize(("size", "version", "state"), [(7, 70, "done"), (7, 71, "todo"), (8, 80, "refused")])
def test_of_what_a_killed_run_was_about_to_write_only_what_is_proven_counts(size: int, version: int, state: str):
    address = addressed("s3://bucket/out/a.png")
    assert isinstance(address, Address)
    item = Item(Path("a.png"), address, b"a.png", b"a.png", "PNG", 5, 50)
    recipe = Recipe("model", "settings")
    known = Entry(b"a.png", b"a.png", 5, 50, "model", "settings", "writing", 7, 70)

    class Records:
        def entry(self, output: bytes, stands: object = None) -> Entry:
            return known

    policy = Policy(stand=lambda path: standing(address, size, version), far=True)
    assert decide(item, recipe, Records(), policy).state == state
