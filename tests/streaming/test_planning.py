import re

import pytest
import torch

from imgtrans.errors import ImageError
from imgtrans.streaming.planning import CHEAP, plan
from imgtrans.streaming.program import Normalisation, program_of
from imgtrans.streaming.steps import Step
from imgtrans.streaming.streamer import Streamer
from tests.streaming.streaming import SMALL, network

LARGE = {"channels": 3, "ngf": 64, "blocks": 9, "upsampling": "nearest"}


def once(net, plan):
    """Return the multiplications that the network itself takes."""
    program = program_of(net)
    return sum(
        op.work(plan.shapes[at][0]) * plan.shapes[at + 1][1] * plan.shapes[at + 1][2]
        for at, op in enumerate(program)
        if isinstance(op, Step)
    )


def test_maps_larger_than_the_trunks_are_made_anew_where_that_is_cheap_and_memory_is_not():
    net = network(LARGE | {"ngf": 32})
    plan = Streamer(net).plan(256, 256, 12_000_000)
    kept = [number for number, part in enumerate(plan.passes) if part.keep]
    assert kept == [0, len(plan.passes) - 2]  # the first convolution's, and the second enlargement's
    assert once(net, plan) < plan.work < (1 + CHEAP) * once(net, plan)
    assert plan.on_disk == 0


def test_nothing_is_made_twice_where_there_is_memory_for_all_maps():
    net = network(LARGE | {"ngf": 32})
    plan = Streamer(net).plan(256, 256, 1 << 30)
    assert not [part for part in plan.passes if part.keep]
    assert plan.work == once(net, plan)
    assert plan.on_disk == 0


def test_a_device_stores_all_maps_only_if_they_stay_there():
    """Across the bus it takes longer to get one than to make it."""
    net = program_of(network(LARGE | {"ngf": 32}))
    kept = {
        own: [part.keep for part in plan(net, (3, 256, 256), 1 << 30, own, torch.float32).passes].count(True)
        for own in (12_000_000, 1 << 30)
    }
    assert kept == {12_000_000: 2, 1 << 30: 0}


def test_there_is_a_pass_to_each_normalisation_and_one_to_the_end():
    net = network(SMALL)
    norms = [at for at, op in enumerate(program_of(net)) if isinstance(op, Normalisation)]
    plan = Streamer(net).plan(64, 64, 1 << 30)
    assert [part.last for part in plan.passes] == [*norms, len(program_of(net))]


def test_without_instance_normalisation_one_pass_stores_nothing():
    plan = Streamer(network(SMALL | {"norm": "batch"})).plan(64, 64, 1 << 30)
    assert len(plan.passes) == 1
    assert plan.in_memory == plan.on_disk == 0


def test_a_hundred_megapixels_fit_into_four_gigabytes_and_a_disk():
    plan = Streamer(network(LARGE)).plan(10_000, 10_000, 4_000_000_000)
    assert 3_900_000_000 < plan.memory <= 4_000_000_000
    assert plan.memory + plan.scratch < 14_500_000_000  # 128 bytes a pixel are stored
    assert min(part.strip for part in plan.passes) >= 8


def test_a_gigapixel_can_be_planned():
    plan = Streamer(network(LARGE)).plan(25_000, 40_000, 4_000_000_000)
    assert plan.memory <= 4_000_000_000
    assert plan.scratch < 140_000_000_000


def test_all_slots_are_in_memory_where_there_is_room():
    plan = Streamer(network(SMALL)).plan(64, 64, 1 << 30)
    assert plan.scratch == 0
    assert 0 < plan.memory < 10_000_000


def test_too_little_memory_is_said_with_what_is_needed():
    with pytest.raises(ImageError, match=re.escape("a picture 40000 pixels wide needs")) as caught:
        Streamer(network(LARGE)).plan(64, 40_000, 10_000_000)
    assert "--memory" in caught.value.message


def test_a_picture_that_cannot_be_mirrored_is_refused():
    with pytest.raises(ValueError, match="4x64 pixels are too few"):
        Streamer(network(SMALL)).plan(64, 4, 1 << 30)


@pytest.mark.parametrize(
    ("memory", "device_memory", "places"),
    [
        (1 << 30, 1 << 30, (True, False, False)),
        (1 << 30, 100_000, (True, True, False)),
        (6_000, 100_000, (True, True, True)),
    ],
)
def test_a_device_stores_what_it_can_then_main_memory_then_the_disk(memory, device_memory, places):
    how = plan(program_of(network(SMALL)), (3, 64, 64), memory, device_memory, torch.float32)
    assert (how.on_device > 0, how.in_memory > 0, how.on_disk > 0) == places
    assert how.memory <= memory
    assert how.device_memory <= device_memory
