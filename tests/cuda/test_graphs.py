"""What comes again is recorded and replayed, within bounds; here with recordings that are plain functions."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from imgtrans.cuda.graphs import Graphs


class Recorder:
    """Records as a device does: what is recorded reads and writes the same memory at each replay."""

    def __init__(self, error: Exception | None = None) -> None:
        self.recorded = self.replayed = 0
        self.error = error

    def __call__(self, work: Callable[[], None]) -> Callable[[], None]:
        if self.error:
            raise self.error
        work()
        self.recorded += 1

        def replay() -> None:
            self.replayed += 1
            work()

        return replay


def double(given: Tensor, made: Tensor) -> None:
    made.copy_(2 * given)


def run(graphs: Graphs, side: int, value: int = 3, kind: torch.dtype = torch.uint8) -> None:
    given = torch.full((2, side, side, 3), value, dtype=kind)
    made = torch.zeros_like(given)
    graphs.run(given, made, double)
    assert (made == 2 * value).all()


def test_a_kind_is_recorded_when_it_comes_again_and_replayed_from_then_on():
    recorder = Recorder()
    graphs = Graphs(lambda: recorder)
    for value, (recorded, replayed) in enumerate([(0, 0), (1, 1), (1, 2), (1, 3)]):
        run(graphs, 8, value)
        assert (recorder.recorded, recorder.replayed) == (recorded, replayed)


def test_another_size_or_type_is_another_kind():
    recorder = Recorder()
    graphs = Graphs(lambda: recorder)
    for _ in range(3):
        run(graphs, 8), run(graphs, 16), run(graphs, 8, kind=torch.int16)
    assert recorder.recorded == len(graphs) == 3


def test_there_are_never_more_than_may_be_kept_whatever_comes():
    recorder = Recorder()
    graphs = Graphs(lambda: recorder, most=2)
    for _ in range(4):
        for side in range(1, 7):
            run(graphs, side)
            assert len(graphs) <= 2
    assert (
        recorder.recorded <= 12
    )  # sizes that come as often as the kept ones do not drive them out, turn and turn about


def test_a_kind_that_comes_more_often_takes_the_place_of_the_rarest():
    recorder = Recorder()
    graphs = Graphs(lambda: recorder, most=2)
    for side, times in ((1, 5), (2, 2), (3, 4)):
        for _ in range(times):
            run(graphs, side)
    before = recorder.recorded
    run(graphs, 3), run(graphs, 1)
    assert recorder.recorded == before == 3
    run(graphs, 2)  # it is plain again
    assert (recorder.recorded, len(graphs)) == (3, 2)


def test_where_nothing_can_be_recorded_the_work_is_done_and_nobody_tries_again():
    recorder = Recorder(RuntimeError("operation not permitted when stream is capturing\n\n  at some line"))
    graphs = Graphs(lambda: recorder)
    run(graphs, 8), run(graphs, 8)
    assert graphs.reason == (
        "nothing can be recorded on this device: operation not permitted when stream is capturing at some line"
    )
    recorder.error = None
    run(graphs, 8)
    assert recorder.recorded == 0


def test_too_little_memory_is_no_reason_to_give_up_for_good():
    graphs = Graphs(lambda: Recorder(torch.OutOfMemoryError("CUDA out of memory")))
    run(graphs, 8)
    with pytest.raises(torch.OutOfMemoryError):
        run(graphs, 8)
    assert not graphs.reason


def test_what_was_recorded_can_be_given_up():
    recorder = Recorder()
    graphs = Graphs(lambda: recorder)
    run(graphs, 8), run(graphs, 8)
    graphs.clear()
    assert len(graphs) == 0
    run(graphs, 8), run(graphs, 8)
    assert recorder.recorded == 2


def test_once_all_are_given_up_the_next_are_recorded_into_memory_of_their_own():
    asked: list[Recorder] = []

    def recorder() -> Recorder:
        asked.append(Recorder())
        return asked[-1]

    graphs = Graphs(recorder)
    run(graphs, 8), run(graphs, 8)
    graphs.clear()
    run(graphs, 8), run(graphs, 8)
    assert [one.recorded for one in asked] == [1, 1]
