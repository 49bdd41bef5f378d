"""What is written as safetensors is read back."""

import os
import stat
from pathlib import Path

import pytest
import torch

from imgtrans.checkpoint import read_weights, write_weights
from tests.checkpoint.makers import Weights


def test_what_is_written_is_read_back(weights: Weights, tmp_path: Path):
    write_weights(weights, tmp_path / "w")
    read = read_weights(tmp_path / "w")
    assert read.keys() == weights.keys()
    assert all(torch.equal(read[name], weights[name]) for name in weights)


def test_tensors_that_share_memory_or_are_not_contiguous_can_be_written(tmp_path: Path):
    flat = torch.arange(12.0)
    weights = {"a": flat[:6].view(2, 3).T, "b": flat[3:], "c": flat}
    write_weights(weights, tmp_path / "w")
    read = read_weights(tmp_path / "w")
    assert all(torch.equal(read[name], weights[name]) for name in weights)


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_what_is_written_can_be_read_by_others_as_the_umask_says(weights: Weights, tmp_path: Path):
    before = os.umask(0o022)
    try:
        write_weights(weights, tmp_path / "w")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "w").stat().st_mode) == 0o644


def test_a_disk_that_is_full_is_an_operating_systems_error(weights: Weights):
    if not Path("/dev/full").is_char_device():
        pytest.skip("there is no /dev/full here")
    with pytest.raises(OSError, match="No space left"):
        write_weights(weights, Path("/dev/full"))
