import numpy as np
import pytest
import torch

from imgtrans.backends.eager import backend
from imgtrans.card import Card
from imgtrans.errors import UnavailableError
from imgtrans.protocols import Interrupted
from imgtrans.streaming.session import StreamingSession
from imgtrans.streaming.streamer import Streamer
from imgtrans.zoo.adapting import adapted
from tests.streaming.streaming import SMALL, network

CPU = torch.device("cpu")


class Counted:
    """A session that counts its calls, and has no memory for pictures beyond a size."""

    def __init__(self, fits=10**9):
        self.session = backend.open(network(SMALL), CPU, torch.float32)
        self.calls = 0
        self.fits = fits

    def run(self, pictures):
        self.calls += 1
        if pictures[0].size > self.fits:
            raise MemoryError
        return self.session.run(pictures)


def session(inner, tmp_path, largest=32 * 32, memory=60_000, **told):
    told = {"scratch": tmp_path} | told
    streamer = Streamer(network(SMALL))
    return StreamingSession(inner, streamer, largest=largest, memory=lambda pixels: memory, device_memory=None, **told)


def pictures(count, height, width):
    return np.random.default_rng(0).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def test_what_fits_is_computed_whole(tmp_path):
    inner, batch = Counted(), pictures(2, 32, 32)
    assert np.array_equal(session(inner, tmp_path).run(batch), inner.session.run(batch))
    assert inner.calls == 1


@pytest.mark.parametrize("count", [1, 2])
def test_what_is_larger_is_streamed(tmp_path, count):
    inner, batch = Counted(), pictures(count, 64, 32)
    translated = session(inner, tmp_path).run(batch)
    assert inner.calls == 0
    assert np.abs(translated.astype(int) - inner.session.run(batch)).max() <= 1


def test_a_picture_that_did_not_fit_after_all_is_streamed(tmp_path):
    inner, batch = Counted(fits=0), pictures(1, 32, 32)
    assert session(inner, tmp_path).run(batch).shape == batch.shape
    assert inner.calls == 1


def test_a_batch_that_did_not_fit_is_left_to_be_halved(tmp_path):
    with pytest.raises(MemoryError):
        session(Counted(fits=0), tmp_path).run(pictures(2, 32, 32))


def test_too_little_memory_for_streaming_is_said(tmp_path):
    with pytest.raises(UnavailableError, match="to be streamed"):
        session(Counted(), tmp_path, memory=1000).run(pictures(1, 64, 32))


@pytest.mark.parametrize("terms", [{"channel_order": "BGR", "value_range": (0.0, 1.0)}, {"channels": 1}])
def test_networks_of_other_terms_are_streamed_too(tmp_path, terms):
    parameters = SMALL | {"channels": terms.get("channels", 3)}
    card = Card("it", "a", "b", "resnet", parameters, "", **{k: v for k, v in terms.items() if k != "channels"})
    net, batch = adapted(network(parameters), card), pictures(1, 64, 32)
    streaming = StreamingSession(
        Counted(), Streamer(net), largest=0, memory=lambda pixels: 60_000, device_memory=None, scratch=tmp_path
    )
    whole = backend.open(net, CPU, torch.float32).run(batch)
    assert np.abs(streaming.run(batch).astype(int) - whole).max() <= 1


def test_pictures_of_16_bits_are_streamed_with_all_of_them(tmp_path):
    inner = Counted()
    batch = pictures(1, 64, 32).astype(np.uint16) * np.uint16(257) + np.uint16(3)
    translated = session(inner, tmp_path).run(batch)
    assert inner.calls == 0
    assert translated.dtype == np.uint16
    assert np.abs(translated.astype(int) - inner.session.run(batch)).max() <= 8


def test_a_device_that_has_less_memory_than_it_had_is_asked_for_less(tmp_path, monkeypatch):
    asked = []

    def short(self, picture, result, device_memory):
        asked.append(device_memory)
        if device_memory > 400:
            raise torch.OutOfMemoryError("CUDA out of memory")
        result[:] = 7

    monkeypatch.setattr(StreamingSession, "_stream_within", short)
    streaming = StreamingSession(
        Counted(), Streamer(network(SMALL)), largest=0, memory=lambda pixels: 0, device_memory=1000, scratch=tmp_path
    )
    assert (streaming.run(pictures(1, 8, 8)) == 7).all()
    assert asked == [1000, 500, 250]
    with pytest.raises(MemoryError, match="out of memory"):
        StreamingSession(
            Counted(), Streamer(network(SMALL)), largest=0, memory=lambda _: 0, device_memory=10**6, scratch=tmp_path
        ).run(pictures(1, 8, 8))


def test_other_errors_are_not_taken_for_it(tmp_path, monkeypatch):
    def broken(self, picture, result, device_memory):
        raise RuntimeError("a bug")

    monkeypatch.setattr(StreamingSession, "_stream_within", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        session(Counted(), tmp_path).run(pictures(1, 64, 32))


def test_scratch_in_main_memory_is_said_once_a_run(tmp_path, monkeypatch):
    monkeypatch.setattr("imgtrans.streaming.streamer.is_ram_backed", lambda folder: True)
    said = []
    streaming = session(Counted(), tmp_path, warn=said.append)
    for _ in range(2):
        streaming.run(pictures(2, 64, 32))
    assert len(said) == 1


def test_streaming_is_ended_after_the_next_strip(tmp_path):
    shares = []

    def interrupting(share):
        shares.append(share)
        streaming.interrupt()

    inner = backend.open(network(SMALL), CPU, torch.float32)
    streaming = session(inner, tmp_path, progress=interrupting)
    with pytest.raises(Interrupted):
        streaming.run(pictures(1, 64, 32))
    assert len(shares) == 1
    assert shares[0] < 0.5
    with pytest.raises(Interrupted):  # what is computed whole, too
        streaming.run(pictures(1, 32, 32))
    assert [*tmp_path.iterdir()] == []


def test_a_session_that_cannot_be_interrupted_is_let_be(tmp_path):
    streaming = session(Counted(), tmp_path)
    streaming.interrupt()
    assert streaming.run(pictures(1, 32, 32)).shape == (1, 32, 32, 3)
