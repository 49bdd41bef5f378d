"""A function of arrays becomes a session: pictures there and back, refused or broken off where that is due."""

import numpy as np
import pytest
import torch
from torch import nn

from imgtrans.protocols import Interrupted
from imgtrans.sessions import ArraySession, Values, difference, side_of


def negative(values: Values) -> Values:
    assert values.dtype == np.float32
    assert values.flags.c_contiguous
    assert np.abs(values).max() <= 1
    return -values


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_pictures_become_values_and_pictures_again(kind: type):
    top = np.iinfo(kind).max
    pictures = np.random.default_rng(0).integers(0, top + 1, (2, 4, 5, 3), kind)
    before = pictures.copy()
    made = ArraySession(negative).run(pictures)
    assert made.dtype == kind
    assert np.array_equal(made, top - before)
    assert np.array_equal(pictures, before)


def test_values_beyond_the_range_are_cut():
    made = ArraySession(lambda values: values * 9).run(np.array([0, 100, 255], np.uint8).reshape(1, 1, 1, 3))
    assert made.ravel().tolist() == [0, 0, 255]


def test_pictures_that_come_out_with_another_shape_are_refused():
    with pytest.raises(ValueError, match="of pictures of 6x5 the network makes 8x5"):
        ArraySession(lambda values: np.pad(values, ((0, 0), (0, 0), (0, 0), (0, 2)))).run(
            np.zeros((1, 5, 6, 3), np.uint8)
        )


def test_what_is_broken_off_ends_as_interrupted_whatever_the_runtime_says_of_it():
    def broken(values: Values) -> Values:
        session.interrupt()
        if stopped == [True]:
            raise RuntimeError("terminate flag is set")
        return values

    stopped: list[bool] = []
    session = ArraySession(broken, lambda: stopped.append(True))
    with pytest.raises(Interrupted):
        session.run(np.zeros((1, 4, 4, 3), np.uint8))
    with pytest.raises(Interrupted):
        session.run(np.zeros((1, 4, 4, 3), np.uint8))


def test_a_failure_of_the_runtime_stays_one():
    def failing(values: Values) -> Values:
        raise MemoryError("too much")

    with pytest.raises(MemoryError, match="too much"):
        ArraySession(failing).run(np.zeros((1, 4, 4, 3), np.uint8))


def test_the_side_is_the_first_that_the_network_takes_and_keeps():
    assert side_of(nn.Conv2d(3, 3, 3, padding=1)) == 32
    halved = nn.Sequential(*(nn.Conv2d(3, 3, 4, 2, 1) for _ in range(7)), nn.Upsample(scale_factor=128))
    assert side_of(halved) == 128
    with pytest.raises(ValueError, match="takes no square of 32 to 1024"):
        side_of(nn.Conv2d(3, 3, 3))


def test_the_difference_from_the_plain_network_is_the_largest_of_two_sizes():
    network = nn.Conv2d(3, 3, 3, padding=1).requires_grad_(False)

    def almost(values: Values) -> Values:
        made = network(torch.from_numpy(values)).numpy()
        made[..., 33:] += 0.25  # seen in the wider one alone
        return made

    assert difference(almost, network) == pytest.approx(0.25, abs=1e-5)
