import math

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from imgtrans.architectures.family import architecture
from imgtrans.errors import FilesError
from imgtrans.streaming import streamer as module
from imgtrans.streaming.streamer import Streamer
from tests.architectures.foreign import networks
from tests.streaming.streaming import SMALL, least, network, streamed, whole

LIMIT = 2e-5
PLENTY = 1 << 30
ALL = {name: parameters for name, _, parameters in networks()}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("tight", [False, True], ids=["in one strip", "in the least memory"])
def test_every_network_gives_what_it_gives_for_the_whole_picture(name, tight, tmp_path):
    net, multiple = network(ALL[name]), architecture.multiple(ALL[name])
    x = torch.rand(1, ALL[name]["channels"], 9 * multiple, 5 * multiple) * 2 - 1
    streamer = Streamer(net)
    memory = least(streamer, *x.shape[2:], x.shape[1]) if tight else PLENTY
    plan = streamer.plan(*x.shape[2:], memory, channels=x.shape[1])
    assert (plan.scratch > 0) <= tight
    assert tight == (min(part.strip for part in plan.passes) < 9)
    difference = (streamed(streamer, x, plan, tmp_path) - whole(net, x)).abs().max()
    assert difference < LIMIT


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    height=st.integers(2, 24),
    width=st.integers(2, 12),
    spare=st.floats(1.0, 6.0),
    name=st.sampled_from(["deck", "CUT", "mobile_resnet", "aladdinpersson", "LynnHo", "Udacity, batch norm"]),
)
def test_size_and_memory_make_no_difference(tmp_path, height, width, spare, name):
    net, multiple = network(ALL[name]), architecture.multiple(ALL[name])
    x = torch.rand(1, 3, height * multiple, width * multiple) * 2 - 1
    streamer = Streamer(net)
    memory = int(spare * least(streamer, *x.shape[2:], 3))
    plan = streamer.plan(*x.shape[2:], memory)
    assert plan.memory <= memory
    # Of a picture with very few places in the trunk the variances are small, and rounding is enlarged.
    assert torch.allclose(streamed(streamer, x, plan, tmp_path), whole(net, x), atol=1e-4)


def test_a_size_that_is_no_multiple_comes_out_as_from_the_network(tmp_path):
    net, x = network(SMALL), torch.rand(1, 3, 37, 51) * 2 - 1
    streamer = Streamer(net)
    y = streamed(streamer, x, streamer.plan(37, 51, 60_000), tmp_path)
    assert y.shape == (1, 3, 40, 52)
    assert (y - whole(net, x)).abs().max() < LIMIT


def test_pictures_are_those_of_the_whole_network(tmp_path):
    net, rng = network(SMALL), np.random.default_rng(0)
    picture = rng.integers(0, 256, (48, 32, 3), dtype=np.uint8)
    result = np.zeros_like(picture)

    def sink(start, rows):
        result[start : start + len(rows)] = rows

    streamer = Streamer(net)
    streamer.run(streamer.plan(48, 32, 60_000), lambda a, b: picture[a:b], sink, scratch=tmp_path)
    x = torch.from_numpy(picture).permute(2, 0, 1)[None] / 127.5 - 1
    expected = ((whole(net, x) + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)[0].permute(1, 2, 0).numpy()
    assert np.abs(result.astype(int) - expected.astype(int)).max() <= 1
    assert (result != expected).mean() < 0.01


def test_maps_in_bfloat16_are_close(tmp_path):
    net, x = network(SMALL), torch.rand(1, 3, 32, 32) * 2 - 1
    streamer = Streamer(net, precision=torch.bfloat16)
    y = streamed(streamer, x, streamer.plan(32, 32, 40_000), tmp_path)
    assert (y.float() - whole(network(SMALL), x)).abs().mean() < 0.05


def test_pointwise_wrappers_are_streamed(tmp_path):
    class Halved(nn.Module):
        pointwise = True

        def forward(self, x):
            return x / 2

    net, x = nn.Sequential(Halved(), network(SMALL), Halved()), torch.rand(1, 3, 32, 32)
    streamer = Streamer(net)
    assert (streamed(streamer, x, streamer.plan(32, 32, 40_000), tmp_path) - whole(net, x)).abs().max() < LIMIT


def test_progress_rises_to_all(tmp_path):
    streamer, told = Streamer(network(SMALL)), []
    streamed(streamer, torch.rand(1, 3, 64, 16), streamer.plan(64, 16, 40_000), tmp_path, told.append)
    assert told == sorted(told)
    assert len(told) > 20
    assert math.isclose(told[-1], 1.0)


def test_nothing_is_left_in_the_scratch_folder_not_even_by_an_exception(tmp_path):
    streamer, x = Streamer(network(SMALL)), torch.rand(1, 3, 64, 16)
    plan = streamer.plan(64, 16, least(streamer, 64, 16, 3))
    assert plan.scratch

    def stop(done):
        if done > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        streamed(streamer, x, plan, tmp_path, stop)
    assert not list(tmp_path.iterdir())
    streamed(streamer, x, plan, tmp_path)
    assert not list(tmp_path.iterdir())


def test_too_little_room_in_the_scratch_folder_is_said_before_work_starts(tmp_path, monkeypatch):
    streamer = Streamer(network(SMALL))
    plan = streamer.plan(64, 16, least(streamer, 64, 16, 3))
    usage = type("Usage", (), {"free": plan.scratch - 1})()
    monkeypatch.setattr("shutil.disk_usage", lambda folder: usage)
    with pytest.raises(FilesError, match="a scratch file of 1 MB is needed"):
        streamed(streamer, torch.rand(1, 3, 64, 16), plan, tmp_path)


def test_a_scratch_folder_that_is_not_there_is_an_error_of_files(tmp_path):
    streamer = Streamer(network(SMALL))
    plan = streamer.plan(64, 16, least(streamer, 64, 16, 3))
    with pytest.raises(FilesError, match="cannot take a scratch file"):
        streamed(streamer, torch.rand(1, 3, 64, 16), plan, tmp_path / "nowhere")


def test_scratch_in_main_memory_is_said(tmp_path, monkeypatch):
    streamer, said = Streamer(network(SMALL)), []
    plan = streamer.plan(64, 16, least(streamer, 64, 16, 3))
    monkeypatch.setattr(module, "is_ram_backed", lambda folder: True)
    picture = np.zeros((64, 16, 3), np.uint8)
    streamer.run(plan, lambda a, b: picture[a:b], lambda a, rows: None, scratch=tmp_path, warn=said.append)
    assert "is in main memory itself" in said[0]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", ["deck", "CUT", "aladdinpersson", "mobile_resnet"])
def test_a_gpu_gives_what_it_gives_for_the_whole_picture_with_maps_on_it_or_not(name, tmp_path):
    device, x = torch.device("cuda"), torch.rand(1, 3, 64, 64, device="cuda") * 2 - 1
    net = network(ALL[name]).to(device)
    streamer = Streamer(net, device)
    # Without TF32: it rounds to 10 bits, and differently in another algorithm.
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        expected = whole(net, x)
        for memory, device_memory in ((PLENTY, PLENTY), (PLENTY, 100_000), (6_000, 100_000)):
            plan = streamer.plan(64, 64, memory, device_memory)
            places = (plan.on_device > 0, plan.in_memory > 0, plan.on_disk > 0)
            assert places == (True, device_memory < PLENTY, memory < PLENTY)
            assert (streamed(streamer, x, plan, tmp_path) - expected).abs().max() < 1e-4


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_streaming_on_a_gpu_keeps_to_its_memory(tmp_path):
    streamer, x = Streamer(network(SMALL | {"ngf": 32}), torch.device("cuda")), torch.rand(1, 3, 2048, 1024).cuda()
    plan = streamer.plan(2048, 1024, PLENTY, 300_000_000)
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    streamed(streamer, x, plan, tmp_path)
    assert torch.cuda.max_memory_allocated() - before < plan.device_memory + 3 * x.nbytes  # the result is there, too
