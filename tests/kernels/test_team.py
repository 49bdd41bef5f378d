"""Whoever is free does the next task."""

import threading

import pytest

from imgtrans.kernels.team import LINE, Team, aligned


@pytest.mark.parametrize("size", [1, 3])
def test_every_task_is_done_once(size: int):
    done: list[int] = []
    team = Team(size, 10)
    team.do(lambda room, number=number: done.append(number) for number in range(100))
    team.close()
    assert sorted(done) == [*range(100)]


def test_nobody_works_in_anothers_room():
    team, met, rooms = Team(2, 10), threading.Barrier(2), []

    def task(room: int) -> None:
        met.wait(10)  # two are at work at the same time
        rooms.append(room)

    team.do([task, task])
    team.close()
    assert len({*rooms}) == 2


def test_what_fails_is_told_once_nobody_works_any_more():
    team, done = Team(2, 10), []

    def fail(room: int) -> None:
        raise MemoryError("no more")

    with pytest.raises(MemoryError, match="no more"):
        team.do([fail, *([done.append] * 1000)])
    team.do([lambda room: done.append("again")])
    team.close()
    assert done[-1] == "again"


def test_rooms_begin_with_a_line_of_the_cache():
    for count in (1, 7, 100):
        room = aligned(count)
        assert room.ctypes.data % LINE == 0
        assert room.shape == (count,)
        assert not room.any()
