"""What recordings keep of a device's memory is planned, and leaves most of it to the rest."""

import pytest

from imgtrans.cuda.planning import SHARE, recordings
from imgtrans.cuda.session import TOGETHER


@pytest.mark.parametrize("memory", [10**9, 5 * 10**9, 47 * 10**9])
@pytest.mark.parametrize("bytes_per_pixel", [150.0, 717.0, 1370.0])
def test_recordings_keep_to_their_share_and_batches_to_what_is_of_use(memory: int, bytes_per_pixel: float):
    planned = recordings(memory, bytes_per_pixel)
    assert 0 < planned.memory <= SHARE * memory
    assert planned.memory >= planned.together * bytes_per_pixel  # the batch itself, and as much again
    assert planned.together <= TOGETHER
    assert planned.together == TOGETHER or planned.memory > 0.99 * SHARE * memory


def test_a_large_card_has_room_for_whole_batches():
    assert recordings(47 * 10**9, 1370.0).together == TOGETHER
