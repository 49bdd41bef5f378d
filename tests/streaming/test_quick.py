"""Kernels give what PyTorch gives; and the same bytes whole and in strips, whatever the memory, threads and disk."""

from pathlib import Path
from typing import Any

import pytest
import torch

from imgtrans.kernels.library import Library
from imgtrans.kernels.machine import host
from imgtrans.protocols import Parameters
from imgtrans.streaming import streamer as module
from imgtrans.streaming.maps import Map
from imgtrans.streaming.program import Normalisation
from imgtrans.streaming.quick import Totals
from imgtrans.streaming.streamer import PLANS, Streamer
from tests.streaming.streaming import SMALL, least, network, streamed, whole
from tests.streaming.test_architectures import VARIANTS

pytestmark = pytest.mark.skipif(not host().lanes, reason="there are no kernels for this processor")

LIMIT = 1e-4
# PyTorch's own sums depend on the strips, and so do its exponentials in the last bit.
BY_STRIPS = {"separable": False, "activation": "relu", "head": "tanh"}
NARROW = Library(host().narrowed(), None)  # channels fill its vectors sooner


def picture(channels: int, height: int, width: int) -> torch.Tensor:
    torch.manual_seed(1)
    return torch.rand(1, channels, height, width) * 2 - 1


@pytest.mark.parametrize("variant", [{}, *VARIANTS], ids=str)
@pytest.mark.parametrize("ngf", [4, 8])
def test_every_parameter_of_a_resnet_gives_what_the_plain_network_gives(variant: Parameters, ngf: int, tmp_path: Path):
    parameters = SMALL | {"ngf": ngf} | variant
    net, x = network(parameters), picture(parameters["channels"], 44, 36)
    streamer = Streamer(net, library=NARROW)
    memory = least(streamer, 44, 36, parameters["channels"])
    maps = memory - streamer.kernel_bytes
    results = []
    for amount in (maps, 2 * maps, 4 * maps, 1 << 30):
        plan = streamer.plan(44, 36, amount + streamer.kernel_bytes, channels=parameters["channels"])
        results.append(streamed(streamer, x, plan, tmp_path))
    assert streamer.by_kernel > 0
    assert (results[0] - whole(net, x)).abs().max() < LIMIT
    for result in results[1:]:
        if not all(variant.get(name, as_is) == as_is for name, as_is in BY_STRIPS.items()):
            assert (result - results[0]).abs().max() < LIMIT
        else:
            assert torch.equal(result, results[0])


def test_what_is_left_to_pytorch_is_done_by_one_thread(tmp_path: Path):
    """Its others turn in circles for a while after each step, which takes the cores away from kernels."""
    torch.set_num_threads(3)
    try:
        streamer, x, seen = Streamer(network(SMALL | {"ngf": 8}), library=NARROW), picture(3, 40, 36), set()

        def source(start: int, stop: int) -> torch.Tensor:
            seen.add(torch.get_num_threads())
            return x[:, :, start:stop]

        how = streamer.plan(40, 36, 1 << 30)
        streamer.run_maps(how, source, lambda start, rows: None, scratch=tmp_path)
        assert streamer.threads == torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(1)
    assert seen == {1}


def test_the_number_of_threads_changes_nothing(tmp_path: Path):
    streamer, x = Streamer(network(SMALL | {"ngf": 8}), library=NARROW), picture(3, 120, 76)
    results = []
    for threads in (1, 2, 3):
        streamer.threads = threads
        results.append(streamed(streamer, x, streamer.plan(120, 76, 1 << 30), tmp_path))
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])


def test_what_kernels_take_is_part_of_the_memory():
    net = network(SMALL | {"ngf": 16})
    plain, quick = Streamer(net), Streamer(net, library=NARROW)
    memory = least(quick, 64, 64, 3)
    assert quick.kernel_bytes > 1_000_000
    assert 0 < memory - quick.kernel_bytes < 1.5 * least(plain, 64, 64, 3)


def test_totals_are_mean_and_variance():
    totals = Totals((2, 3, 5))
    x = torch.rand(3, 5, 2, dtype=torch.float64)
    for row in x:
        totals.add(torch.stack([row.sum(dim=0), (row * row).sum(dim=0)]).reshape(1, 1, 2, 2).numpy())
    scale, shift = totals.affine(1e-5, None, None)
    normalised = (x * torch.from_numpy(scale) + torch.from_numpy(shift)).permute(2, 0, 1)[None]
    expected = torch.nn.functional.instance_norm(x.permute(2, 0, 1)[None])
    assert torch.allclose(normalised, expected, atol=1e-5)


def test_a_map_without_any_variance_is_no_trouble():
    totals = Totals((1, 4, 4))
    x = 0.1 * torch.ones(16, dtype=torch.float64)
    totals.add(torch.stack([x.sum(), (x * x).sum() - 1e-17]).reshape(1, 1, 2, 1).numpy())
    scale, shift = totals.affine(1e-5, None, None)
    assert abs(float((0.1 * scale + shift)[0])) < 1e-4


def test_a_plan_is_made_once_for_pictures_of_one_size():
    streamer = Streamer(network(SMALL), library=NARROW)
    first = streamer.plan(40, 36, 1 << 30)
    assert streamer.plan(40, 36, 1 << 30) is first
    assert streamer.plan(40, 36, 1 << 29) is not first
    for width in range(40, 40 + 4 * PLANS, 4):
        streamer.plan(40, width, 1 << 30)
    assert streamer.plan(40, 36, 1 << 30) is not first
    assert streamer.plan(40, 36, 1 << 30) == first


def test_a_block_takes_no_map_for_its_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What it is added to is changed where it is; a second map would be written and read beside it, and take memory."""
    made = []

    class Counted(Map):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            made.append(self)

    monkeypatch.setattr(module, "Map", Counted)
    net, x = network({"channels": 3, "ngf": 8, "blocks": 4, "upsampling": "nearest"}), picture(3, 64, 64)
    streamer = Streamer(net, library=NARROW)
    result = streamed(streamer, x, streamer.plan(64, 64, 1 << 30), tmp_path)
    assert (result - whole(net, x)).abs().max() < LIMIT
    assert len(made) == sum(isinstance(op, Normalisation) for op in streamer._program)
    assert not any(one._slots for one in made)
