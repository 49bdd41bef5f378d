"""Batches on their way to a card and back: the order of things, on a pretended card whose streams do all at once."""

import contextlib
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from imgtrans.cuda.graphs import Graphs
from imgtrans.cuda.normalising import ByPyTorch
from imgtrans.cuda.program import Program
from imgtrans.cuda.session import ProgramSession
from imgtrans.cuda.transfer import Slot
from imgtrans.protocols import Pixels
from tests.streaming.streaming import SMALL, network

CPU = torch.device("cpu")
SIDE = 32


class Stream:
    """Does everything at once."""

    def wait_event(self, event: "Event") -> None:
        assert event.recorded

    def synchronize(self) -> None:
        pass


class Event:
    """Is there once it is recorded."""

    recorded = False

    def record(self, stream: object = None) -> None:
        self.recorded = True

    def synchronize(self) -> None:
        assert self.recorded


@pytest.fixture(autouse=True)
def _card(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = torch.empty

    def unpinned(*shape: object, pin_memory: bool = False, **given: object) -> Tensor:
        return empty(*shape, **given)  # type: ignore[call-overload, no-any-return]

    @contextlib.contextmanager
    def within(*_: object) -> Iterator[None]:
        yield

    monkeypatch.setattr(torch, "empty", unpinned)
    for name, instead in {
        "Event": Event, "stream": within, "device": within, "synchronize": lambda device: None,
        "current_stream": lambda device: Stream(), "empty_cache": lambda: None,
    }.items():  # fmt: skip
        monkeypatch.setattr(torch.cuda, name, instead)


def plainly(work: Callable[[], None]) -> Callable[[], None]:
    work()
    return work


@pytest.fixture
def program() -> Program:
    return Program(network(SMALL), CPU, torch.bfloat16, lambda narrowest: ByPyTorch())


def on_card(program: Program, record: Callable[[Callable[[], None]], Callable[[], None]] = plainly) -> ProgramSession:
    session = ProgramSession(program, CPU)
    session._compute = Stream()
    session._slots = [Slot(CPU, Stream(), Stream(), Stream()) for _ in "ab"]  # type: ignore[arg-type]
    session._graphs = Graphs(lambda: record)
    session.expect(4, 4 * SIDE * SIDE)
    return session


@pytest.fixture
def expected(program: Program) -> ProgramSession:
    session = ProgramSession(program, CPU)
    session.expect(4, 4 * SIDE * SIDE)
    return session


def pictures(count: int, side: int = SIDE, kind: type = np.uint8) -> Pixels:
    return np.random.default_rng(count).integers(0, np.iinfo(kind).max + 1, (count, side, side, 3), kind)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_however_many_come_each_gets_its_own_result(program: Program, expected: ProgramSession, kind: type):
    session = on_card(program)
    for count in (17, 1, 3, 4, 8, 9, 2):
        x = pictures(count, kind=kind)
        before = x.copy()
        assert np.array_equal(session.run(x), expected.run(x))
        assert np.array_equal(x, before)


def test_sizes_may_change_and_those_larger_than_a_batch_go_by_themselves(program: Program, expected: ProgramSession):
    session = on_card(program)
    for side in (32, 16, 96, 24, 32, 96):
        x = pictures(3, side)
        assert np.array_equal(session.run(x), expected.run(x))
    assert session._graphs is not None
    assert len(session._graphs) == 1  # of 32, which came again; nothing of 96, which came as often


def test_what_is_one_batch_is_one_recording_with_its_copies(program: Program, expected: ProgramSession):
    recorded = list[Callable[[], None]]()

    def record(work: Callable[[], None]) -> Callable[[], None]:
        recorded.append(work)
        return work  # what is recorded is not done

    session = on_card(program, record)
    for count in (4, 1, 2, 4, 3):  # what is left over from a batch before is none of the next one's
        x = pictures(count)
        assert np.array_equal(session.run(x), expected.run(x))
    assert len(recorded) == 1


def test_copies_that_cannot_be_recorded_are_left_out_of_it(program: Program, expected: ProgramSession):
    asked = list[None]()

    def record(work: Callable[[], None]) -> Callable[[], None]:
        asked.append(None)
        if len(asked) == 1:
            raise RuntimeError("cannot capture")
        work()
        return work

    session = on_card(program, record)
    for count in (2, 2, 2, 9, 2):
        assert np.array_equal(session.run(pictures(count)), expected.run(pictures(count)))
    assert session._graphs is not None and not session._graphs.copies
    assert (session._graphs.reason, len(session._graphs), len(asked)) == ("", 1, 2)


def test_what_is_tried_leaves_nothing_behind(program: Program):
    session = on_card(program)
    session.check(SIDE)
    assert session._graphs is not None
    assert (session.reason, len(session._graphs)) == ("", 0)
    assert session.together(256, 256) == 16


def test_recordings_that_fail_or_differ_are_done_without_and_said(program: Program, expected: ProgramSession):
    def failing(work: Callable[[], None]) -> Callable[[], None]:
        raise RuntimeError("cannot capture")

    def forgetful(work: Callable[[], None]) -> Callable[[], None]:
        return lambda: None

    for record, said in ((failing, "nothing can be recorded on this device: cannot capture"),
                         (forgetful, "what is recorded comes out differently on this device")):  # fmt: skip
        session = on_card(program, record)
        session.check(SIDE)
        assert session.reason == said
        session.expect(4, 4 * SIDE * SIDE)
        for _ in range(3):
            assert np.array_equal(session.run(pictures(5)), expected.run(pictures(5)))


def test_a_batch_that_does_not_fit_in_the_middle_is_begun_anew_with_smaller_ones(
    program: Program, expected: ProgramSession, monkeypatch: pytest.MonkeyPatch
):
    session, calls = on_card(program), list[int]()
    translate = session._translate

    def short(given: Tensor, made: Tensor) -> None:
        calls.append(len(given))
        if calls == [4, 4, 4]:
            raise torch.OutOfMemoryError("CUDA out of memory")
        translate(given, made)

    monkeypatch.setattr(session, "_translate", short)
    result = session.run(pictures(17))
    expected.expect(2, 4 * SIDE * SIDE)
    assert np.array_equal(result, expected.run(pictures(17)))
    assert calls[:3] == [4, 4, 4]
    assert {*calls[3:]} == {2}
