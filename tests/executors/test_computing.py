"""One session at work: what is learnt from a batch that does not fit, and who suffers from a poisoned picture."""

import random
import sys
import time

import numpy as np
import pytest

from imgtrans.executors.batches import Batches, Waiting
from imgtrans.executors.computing import Computer, Here
from imgtrans.protocols import Pixels, Session

SIDE = 8
PIXELS = SIDE * SIDE
POISON = 13


class Careful:
    """A session that inverts, has so much memory, and does not survive a certain picture."""

    def __init__(self, most_pixels: int = 10**9) -> None:
        self.most_pixels = most_pixels
        self.batches: list[int] = []
        self.refused: list[int] = []

    def run(self, pictures: Pixels) -> Pixels:
        if pictures.size // 3 > self.most_pixels:
            self.refused.append(len(pictures))
            raise MemoryError("too many")
        if (pictures == POISON).all(axis=(1, 2, 3)).any():
            raise RuntimeError("a kernel failed")
        self.batches.append(len(pictures))
        return 255 - pictures


def computed(
    session: Session, values: list[int], *, batch_size: int = 32, batch_pixels: int = 10**9
) -> dict[int, Pixels | Exception]:
    """Compute pictures of one colour each, and return what became of each, by its colour."""
    batches = Batches(enough=10**9)
    results: dict[int, Pixels | Exception] = {}
    bugs: list[BaseException] = []

    def take(frame: Waiting, result: Pixels | Exception, seconds: float) -> None:
        assert seconds >= 0
        results[frame.number] = result
        if len(results) == len(values):
            batches.close()

    computer = Computer(Here(session), batches, take, bugs.append, batch_size=batch_size, batch_pixels=batch_pixels)
    batches.put([Waiting(None, value, np.full((SIDE, SIDE, 3), value, np.uint8)) for value in values])
    computer.run()
    assert not bugs
    return results


def test_each_frame_gets_its_own_result() -> None:
    results = computed(Careful(), [*range(14, 80)])
    for value, result in results.items():
        assert not isinstance(result, Exception)
        assert (result == 255 - value).all()


def test_batches_are_bounded_by_frames_and_by_pixels() -> None:
    by_frames, by_pixels = Careful(), Careful()
    computed(by_frames, [*range(14, 30)], batch_size=8)
    computed(by_pixels, [*range(14, 30)], batch_pixels=4 * PIXELS)
    assert by_frames.batches == [8, 8]
    assert by_pixels.batches == [4, 4, 4, 4]


@pytest.mark.parametrize(("fit", "refused"), [(3, [32, 16, 8, 4]), (16, [32]), (1, [32, 16, 8, 4, 2]), (32, [])])
def test_batches_that_do_not_fit_are_halved_once_and_for_all(fit: int, refused: list[int]) -> None:
    """How many tries fail depends on how much too large batches were, not on how many there are."""
    session = Careful(most_pixels=fit * PIXELS)
    results = computed(session, [*range(14, 214)])
    assert not [result for result in results.values() if isinstance(result, Exception)]
    assert sum(session.batches) == 200
    assert session.refused == refused


def test_a_frame_that_does_not_fit_alone_fails_alone() -> None:
    session = Careful(most_pixels=PIXELS - 1)
    results = computed(session, [20, 21])
    assert [type(result) for result in results.values()] == [MemoryError, MemoryError]


def test_a_poisoned_picture_fails_alone_and_batches_stay_as_large() -> None:
    session = Careful()
    results = computed(session, [*range(POISON - 8, POISON + 100)], batch_size=16)
    assert [value for value, result in results.items() if isinstance(result, Exception)] == [POISON]
    assert str(results[POISON]) == "a kernel failed"
    assert session.batches[-3:] == [16, 16, 12]


def test_a_bug_in_handing_back_is_told() -> None:
    batches = Batches(enough=1)
    bugs: list[BaseException] = []

    def broken(frame: Waiting, result: Pixels | Exception, seconds: float) -> None:
        raise LookupError("nobody knows this frame")

    batches.put([Waiting(None, 0, np.zeros((SIDE, SIDE, 3), np.uint8))])
    Computer(Here(Careful()), batches, broken, bugs.append, batch_size=1, batch_pixels=1).run()
    assert [str(bug) for bug in bugs] == ["nobody knows this frame"]


def test_an_interrupt_leaves_no_lock_behind() -> None:
    """It may come at any moment, and whoever else uses the batches then would wait for ever."""
    switches = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    chance = random.Random(0)
    try:
        for _ in range(200):
            batches = Batches(enough=10**9)
            bugs: list[BaseException] = []

            def again(frame: Waiting, result: Pixels | Exception, seconds: float, batches: Batches = batches) -> None:
                batches.put([Waiting(None, 0, frame.pixels)])

            computers = [
                Computer(Here(Careful()), batches, again, bugs.append, batch_size=1, batch_pixels=9) for _ in "ab"
            ]
            batches.put([Waiting(None, 0, np.full((1, 1, 3), 99, np.uint8)) for _ in "abc"])
            for computer in computers:
                computer.start()
            time.sleep(chance.random() * 0.002)
            batches.close()
            for computer in computers:
                computer.interrupt()
            for computer in computers:
                computer.join(30)
            assert not [computer for computer in computers if computer.is_alive()]
            assert not bugs
    finally:
        sys.setswitchinterval(switches)
