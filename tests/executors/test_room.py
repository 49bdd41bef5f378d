"""Room for pictures: small ones on the side, large ones in turn, the largest alone."""

import pytest

from imgtrans.executors.room import Room


class Freed:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


@pytest.fixture
def freed() -> Freed:
    return Freed()


@pytest.fixture
def room(freed: Freed) -> Room:
    return Room(memory=2000, lanes=4, freed=freed)


def waiting(room: Room) -> None:
    assert room.begin()
    room.wait()


def test_half_is_set_aside_for_what_lanes_decode_and_encode(room: Room) -> None:
    assert room.aside == 250


def test_small_pictures_are_begun_until_what_is_held_is_too_much(room: Room) -> None:
    for _ in range(2):
        assert room.begin()
        room.hold(501)
    assert not room.begin()
    room.leave(501)
    assert room.begin()


def test_however_little_memory_there_is_one_picture_is_begun() -> None:
    room = Room(memory=1, lanes=4, freed=lambda: None)
    waiting(room)
    assert room.enter(1000)
    assert not room.begin()
    room.leave(1000)
    assert room.begin()


def test_large_pictures_come_in_as_long_as_they_fit(room: Room) -> None:
    for _ in range(3):
        waiting(room)
        assert room.enter(300)
    waiting(room)
    assert not room.enter(300)
    room.leave(300)
    assert room.enter(300)


def test_the_largest_is_alone(room: Room, freed: Freed) -> None:
    assert room.begin()  # somebody who is decoding
    waiting(room)
    assert not room.enter(5000)
    told = freed.count
    room.leave(0)
    assert freed.count == told + 1
    assert room.enter(5000)
    assert not room.begin()
    room.leave(5000)
    assert room.begin()


def test_while_one_waits_nothing_new_is_begun(room: Room) -> None:
    assert room.begin()
    waiting(room)
    assert not room.begin()
    room.leave(0)
    assert not room.begin()  # it is the other's turn
    assert room.enter(5000)
