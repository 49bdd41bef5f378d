"""What streaming takes is known from the card."""

import torch

from imgtrans.streaming.need import streamed_bytes
from imgtrans.streaming.streamer import Streamer
from imgtrans.zoo.loading import load_network
from imgtrans.zoo.store import find


def test_it_is_what_the_streamer_plans_with_the_weights_loaded():
    model = find("summer2winter")
    streamer = Streamer(load_network(model), torch.device("cpu"), torch.float32)
    own = streamer.plan(868, 1156, (1 << 30) + streamer.kernel_bytes).memory
    assert 0.5 * own < streamed_bytes(model, 1155, 866) <= 1.5 * own


def test_a_picture_of_any_height_takes_a_gigabyte_at_most():
    model = find("summer2winter")
    assert streamed_bytes(model, 4000, 3000) <= 1 << 30
    assert streamed_bytes(model, 4000, 300_000) <= 1 << 30


def test_a_picture_that_is_too_wide_for_a_gigabyte_is_not_said_to_fit():
    assert streamed_bytes(find("summer2winter"), 10_000_000, 8) is None
