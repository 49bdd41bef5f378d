"""Which frames the model takes next."""

import threading

import numpy as np
import pytest

from imgtrans.executors.batches import LINGER_SECONDS, PATIENCE, Batches, Kind, Waiting


def frame(side: int, number: int = 0, dtype: type = np.uint8) -> Waiting:
    return Waiting("somebody", number, np.zeros((side, side, 3), dtype))


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def batches(clock: Clock) -> Batches:
    return Batches(enough=1000, clock=clock)


def four(kind: Kind) -> int:
    return 4


def sides(taken: list[Waiting]) -> list[int]:
    return [one.pixels.shape[0] for one in taken]


def test_frames_of_one_size_go_together_in_their_order(batches: Batches) -> None:
    batches.put([frame(8, 0), frame(9), frame(8, 1)])
    assert [one.number for one in batches.take(four)] == [0, 1]
    assert sides(batches.take(four)) == [9]


def test_frames_of_another_depth_do_not_go_together(batches: Batches) -> None:
    batches.put([frame(8), frame(8, dtype=np.uint16)])
    assert [one.pixels.dtype for one in batches.take(four)] == [np.uint8]


def test_no_more_are_taken_than_fit(batches: Batches) -> None:
    batches.put([frame(8) for _ in range(10)])
    assert [len(batches.take(four)) for _ in range(3)] == [4, 4, 2]


def test_of_full_batches_the_one_that_waits_longest_goes_first(batches: Batches, clock: Clock) -> None:
    batches.put([frame(9) for _ in range(4)])
    clock.now += 1
    batches.put([frame(8) for _ in range(7)])
    assert sides(batches.take(four)) == [9] * 4


def test_of_others_the_fullest_goes_first(batches: Batches) -> None:
    batches.put([frame(9), frame(8), frame(8)])
    assert sides(batches.take(four)) == [8, 8]


def test_a_rare_size_does_not_wait_for_the_end(batches: Batches) -> None:
    batches.put([frame(9)])
    taken = []
    while 9 not in taken:
        batches.put([frame(8) for _ in range(4)])
        taken += sides(batches.take(four))
    assert taken == [8] * 4 * PATIENCE + [9]


def test_a_batch_that_is_not_full_waits_a_moment_while_others_are_read(batches: Batches, clock: Clock) -> None:
    batches.reading(1)
    batches.put([frame(8)])
    taken: list[Waiting] = []
    model = threading.Thread(target=lambda: taken.extend(batches.take(four)))
    model.start()
    batches.put([frame(8), frame(8), frame(8)])
    model.join()
    assert len(taken) == 4
    batches.put([frame(8)])
    clock.now += LINGER_SECONDS
    assert len(batches.take(four)) == 1  # and then not longer


def test_nothing_waits_when_nothing_is_read(batches: Batches) -> None:
    batches.reading(1)
    batches.put([frame(8)])
    batches.reading(-1)
    assert len(batches.take(four)) == 1


def test_no_more_is_wanted_than_can_be_computed_soon(batches: Batches) -> None:
    again = threading.Event()
    batches.put([frame(30)])
    assert batches.wants(again)
    batches.put([frame(10)])
    assert not batches.wants(again)
    assert not again.is_set()
    batches.take(four)
    assert again.is_set()
    assert batches.wants(again)


def test_who_waits_for_a_batch_is_released_at_the_end(batches: Batches) -> None:
    taken = []
    model = threading.Thread(target=lambda: taken.append(batches.take(four)))
    model.start()
    batches.close()
    model.join()
    assert taken == [[]]
