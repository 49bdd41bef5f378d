"""Messages with arrays between two ends of a pipe."""

import multiprocessing
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from imgtrans.executors import channel as module
from imgtrans.executors.channel import Channel


@pytest.fixture(params=["directly", "by Python's own way"])
def ends(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Channel, Channel]]:
    if request.param != "directly":
        monkeypatch.setattr(module, "_DIRECT", False)
    ours, theirs = (Channel(connection) for connection in multiprocessing.Pipe())
    yield ours, theirs
    ours.close()
    theirs.close()


def test_pixels_of_any_depth_cross_unchanged(ends: tuple[Channel, Channel]) -> None:
    ours, theirs = ends
    small = np.arange(24, dtype=np.uint16).reshape(2, 4, 3) * 1000
    ours.send(("write", 1), [small[:, ::-1], small[:1, :1].astype(np.uint8)])
    assert theirs.wait(10)
    message, frames = theirs.receive()
    assert message == ("write", 1)
    assert [frame.dtype for frame in frames] == [np.uint16, np.uint8]
    assert np.array_equal(frames[0], small[:, ::-1])
    assert all(frame.flags.writeable for frame in frames)


def test_what_is_more_than_a_pipe_holds_and_more_parts_than_a_call_takes_cross_whole(
    ends: tuple[Channel, Channel],
) -> None:
    ours, theirs = ends
    random = np.random.default_rng(0)
    frames = [random.integers(0, 256, (1000, 1000, 3), np.uint8)]
    frames += [random.integers(0, 256, (1 + n % 3, 5, 3), np.uint8) for n in range(1500)]
    sending = threading.Thread(target=ours.send, args=("many", frames))
    sending.start()
    message, received = theirs.receive()
    sending.join()
    assert message == "many"
    assert all(np.array_equal(one, other) for one, other in zip(frames, received, strict=True))


def test_who_waits_in_vain_is_told_so_and_who_is_left_alone_too(ends: tuple[Channel, Channel]) -> None:
    ours, theirs = ends
    assert not theirs.wait(0.01)
    ours.close()
    assert theirs.wait(10)
    with pytest.raises((EOFError, OSError)):
        theirs.receive()
    with pytest.raises(OSError, match=r"."):
        theirs.send("anybody there?")
