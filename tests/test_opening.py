"""The fastest backend that can is taken; and if it is not the fastest there is, it is said why."""

import pytest
import torch
from torch import nn

from imgtrans.backends.eager import EagerSession
from imgtrans.errors import UnavailableError
from imgtrans.kernels.machine import host
from imgtrans.opening import describe_backend, open_network
from imgtrans.streaming.prepared import PreparedSession

CPU = torch.device("cpu")


def known() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.Tanh()).eval().requires_grad_(False)


def unknown() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.GroupNorm(1, 3)).eval().requires_grad_(False)


@pytest.mark.skipif(not host().lanes, reason="there are no kernels for this processor")
def test_a_network_that_can_be_prepared_is():
    opened = open_network("auto", known(), CPU, torch.float32)
    assert isinstance(opened.session, PreparedSession)
    assert describe_backend(opened.backend, opened.reason) == "prepared"


def test_another_is_computed_plainly_and_it_is_said_why():
    opened = open_network("auto", unknown(), CPU, torch.float32)
    assert isinstance(opened.session, EagerSession)
    assert describe_backend(opened.backend, opened.reason).startswith("eager (")
    assert "GroupNorm" in opened.reason


def test_what_is_named_is_taken_without_a_word_or_refused():
    opened = open_network("eager", known(), CPU, torch.float32)
    assert isinstance(opened.session, EagerSession)
    assert describe_backend(opened.backend, opened.reason) == "eager"
    with pytest.raises(UnavailableError, match="GroupNorm"):
        open_network("prepared", unknown(), CPU, torch.float32)
    with pytest.raises(UnavailableError, match="there is no 'magic' among the backends: eager, fused"):
        open_network("magic", known(), CPU, torch.float32)


def test_in_bfloat16_it_is_plain():
    opened = open_network("auto", known(), CPU, torch.bfloat16)
    assert opened.backend == "eager"
    assert "float32" in opened.reason
