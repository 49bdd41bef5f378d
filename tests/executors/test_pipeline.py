"""Pictures on their way through codecs and models that may be anywhere, and may be taken away at any time."""

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgtrans.errors import UnavailableError
from imgtrans.executors.pipeline import (
    Answer,
    Calls,
    Codec,
    Computing,
    Desk,
    LostError,
    ModelDiedError,
    NotThereError,
    Pipeline,
    WorkerDiedError,
)
from imgtrans.protocols import Interrupted, Item, Outcome, Pixels
from tests.executors.test_local import JOB, items


class Elsewhere(Codec):
    """A codec whose process may die, and need not be there."""

    deaths = 3

    def __init__(self, dies: Callable[[str, Item], bool] = lambda name, item: False) -> None:
        self.desk: Desk | None = Desk(JOB)
        self.dies = dies
        self.missing = 0  # looks, until it is there again after it has died
        self.absent = False
        self.rested = self.died = 0

    def is_there(self) -> bool:
        if self.absent:
            threading.Event().wait(0.005)
            return False
        if self.desk is None:
            self.missing -= 1
            if self.missing > 0:
                return False
            self.desk = Desk(JOB)
        return True

    def calls(self, calls: Calls, pixels: int = 0) -> list[Answer]:
        assert self.desk is not None, "it was asked though it is not there"
        if any(self.dies(name, arguments[0]) for name, arguments, _ in calls):
            self.desk, self.missing = None, 2
            self.died += 1
            raise WorkerDiedError("crashed the decoder", killed=True)
        given = [frame for _, _, frames in calls for frame in frames]
        if any(frame is None for frame in given):
            raise LostError("a machine is gone")
        return self.desk.answers([(name, arguments, len(frames)) for name, arguments, frames in calls], given)

    def kill(self) -> None: ...

    def rest(self) -> None:
        self.rested += 1

    def close(self) -> None: ...


class Inverting:
    """What computes, and may die."""

    def __init__(self, dies: Callable[[Sequence[Pixels]], bool] = lambda frames: False) -> None:
        self.dies = dies
        self.batches: list[tuple[int, bool]] = []
        self.lose = 0

    def is_there(self) -> bool:
        return True

    def compute(self, frames: Sequence[Pixels], *, alone: bool) -> list[Pixels | Exception]:
        self.batches.append((len(frames), alone))
        if self.dies(frames):
            raise ModelDiedError("ended whatever computed it, each time")
        if self.lose:
            self.lose -= 1
            return [LostError("a machine is gone") for _ in frames]
        return [255 - frame for frame in frames]

    def interrupt(self) -> None: ...


def translated(codecs: Sequence[Codec], computing: Sequence[Computing], todo: list[Item]) -> dict[str, Outcome]:
    pipeline = Pipeline(codecs, computing, tag="", batch_size=4, batch_pixels=10**6, memory=10**8)
    outcomes = [outcome for group in pipeline.run(todo) for outcome in group]
    names = [outcome.item.input.name for outcome in outcomes]
    assert sorted(names) == [item.input.name for item in todo], "lost, or doubled"
    for outcome in outcomes:
        if outcome.temporary:
            with Image.open(outcome.item.input) as before, Image.open(outcome.temporary) as after:
                assert np.array_equal(255 - np.asarray(before), np.asarray(after))
    return dict(zip(names, outcomes, strict=True))


def failed(outcomes: dict[str, Outcome]) -> dict[str, str]:
    return {name: outcome.error for name, outcome in outcomes.items() if outcome.error}


def once_in(number: int) -> Callable[..., bool]:
    """Return what is true of each so many calls once."""
    asked = [0]

    def counted(*_: object) -> bool:
        asked[0] += 1
        return asked[0] % number == 0

    return counted


@pytest.mark.timeout(60)
def test_processes_that_are_killed_now_and_then_lose_and_double_nothing(tmp_path: Path) -> None:
    codecs = [Elsewhere(once_in(7)), Elsewhere(once_in(5))]
    assert failed(translated(codecs, [Inverting(once_in(6)), Inverting(once_in(9))], items(tmp_path, 60))) == {}
    assert all(codec.died > 2 for codec in codecs)
    assert [codec.rested for codec in codecs] == [1, 1]


@pytest.mark.timeout(60)
def test_a_picture_that_crashes_its_reader_each_time_fails_alone(tmp_path: Path) -> None:
    todo = items(tmp_path, 12)
    codecs = [Elsewhere(lambda name, item: item == todo[5]) for _ in range(2)]
    errors = failed(translated(codecs, [Inverting()], todo))
    assert errors == {"005.png": f"{todo[5].input} crashed the decoder."}
    assert sum(codec.died for codec in codecs) <= 5


@pytest.mark.timeout(60)
def test_a_picture_that_crashes_its_writer_each_time_fails_alone(tmp_path: Path) -> None:
    todo = items(tmp_path, 12)
    codecs = [Elsewhere(lambda name, item: name == "write" and item == todo[5]) for _ in range(2)]
    assert [*failed(translated(codecs, [Inverting()], todo))] == ["005.png"]


@pytest.mark.timeout(60)
def test_a_picture_that_crashes_the_model_each_time_fails_alone_and_the_others_of_its_batch_do_not(
    tmp_path: Path,
) -> None:
    todo = items(tmp_path, 12)
    with Image.open(todo[5].input) as picture:
        poison = np.asarray(picture)
    model = Inverting(lambda frames: any(np.array_equal(frame, poison) for frame in frames))
    errors = failed(translated([Elsewhere(), Elsewhere()], [model], todo))
    assert errors == {"005.png": f"{todo[5].input} ended whatever computed it, each time."}
    assert model.batches.count((1, True)) >= 2  # after the first time it was tried by itself


@pytest.mark.timeout(60)
def test_a_model_that_was_gone_before_it_was_asked_is_no_picture_s_fault(tmp_path: Path) -> None:
    class Gone(Inverting):
        asked = 0

        def compute(self, frames: Sequence[Pixels], *, alone: bool) -> list[Pixels | Exception]:
            self.asked += 1
            if self.asked < 20:
                raise NotThereError
            return super().compute(frames, alone=alone)

    model = Gone()
    assert failed(translated([Elsewhere()], [model], items(tmp_path, 3))) == {}
    assert not any(alone for _, alone in model.batches)


@pytest.mark.timeout(60)
def test_what_is_lost_with_a_machine_is_read_again(tmp_path: Path) -> None:
    model = Inverting()
    model.lose = 3
    assert failed(translated([Elsewhere(), Elsewhere()], [model], items(tmp_path, 12))) == {}
    assert not model.lose


@pytest.mark.timeout(60)
def test_results_that_are_lost_before_they_are_written_are_made_again(tmp_path: Path) -> None:
    class Losing(Inverting):
        def compute(self, frames: Sequence[Pixels], *, alone: bool) -> list[Pixels | Exception]:
            results = super().compute(frames, alone=alone)
            if self.lose:
                self.lose -= 1
                return [None] * len(frames)  # type: ignore[list-item] - a frame that stands for nothing any more
            return results

    model = Losing()
    model.lose = 3
    assert failed(translated([Elsewhere(), Elsewhere()], [model], items(tmp_path, 12))) == {}


@pytest.mark.timeout(60)
def test_what_is_lost_each_time_is_given_up(tmp_path: Path) -> None:
    todo = items(tmp_path, 3)
    model = Inverting()
    model.lose = 10**9
    errors = failed(translated([Elsewhere()], [model], todo))
    assert errors["000.png"] == f"{todo[0].input} could not be translated: what was made of it was lost 6 times."
    assert len(errors) == 3


@pytest.mark.timeout(60)
def test_who_is_not_there_yet_is_not_waited_for(tmp_path: Path) -> None:
    absent = Elsewhere()
    absent.absent = True
    assert failed(translated([absent, Elsewhere()], [Inverting()], items(tmp_path, 12))) == {}


@pytest.mark.timeout(60)
def test_pictures_that_need_all_the_memory_do_not_wait_for_who_is_gone(tmp_path: Path) -> None:
    """What a process held that has died takes no memory, or a picture that must be alone would wait for ever."""
    todo = items(tmp_path, 8) + items(tmp_path / "large", 2, name="large{}.png", width=400, height=300)
    second, lost = Elsewhere(), threading.Event()

    class Dying(Elsewhere):
        """It dies while it writes, and is back when nobody else has anything to do."""

        def is_there(self) -> bool:
            self.absent = lost.is_set() and not second.rested
            return super().is_there()

    def dies(name: str, item: Item) -> bool:
        first_time = name == "write" and not lost.is_set()
        if first_time:
            lost.set()
        return first_time

    pipeline = Pipeline([Dying(dies), second], [Inverting()], tag="", batch_size=4, batch_pixels=10**6, memory=10**6)
    outcomes = [outcome for group in pipeline.run(todo) for outcome in group]
    assert lost.is_set()
    assert len(outcomes) == 10
    assert not any(outcome.error for outcome in outcomes)


@pytest.mark.timeout(60)
def test_a_run_can_be_ended_by_another_thread_and_there_is_no_other_after_it(tmp_path: Path) -> None:
    pipeline = Pipeline([Elsewhere()], [Inverting()], tag="", batch_size=4, batch_pixels=10**6, memory=10**8)

    def endless() -> Iterator[Item]:
        yield from items(tmp_path, 30)
        pipeline.interrupt()
        threading.Event().wait(1)

    with pytest.raises(Interrupted):
        list(pipeline.run(endless()))
    with pytest.raises(Interrupted):
        list(pipeline.run([]))


@pytest.mark.timeout(60)
def test_a_codec_that_can_never_be_there_ends_the_run_with_its_reason(tmp_path: Path) -> None:
    class Never(Elsewhere):
        def is_there(self) -> bool:
            raise UnavailableError("there is no cluster any more")

    pipeline = Pipeline([Never()], [Inverting()], tag="", batch_size=4, batch_pixels=10**6, memory=10**8)
    with pytest.raises(UnavailableError, match="no cluster any more"):
        list(pipeline.run(items(tmp_path, 3)))
