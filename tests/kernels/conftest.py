"""Kernels for this processor, and for lesser ones that it can stand in for."""

from dataclasses import replace
from functools import cache

import pytest

from imgtrans.kernels.library import Library
from imgtrans.kernels.machine import Machine, host


@cache
def made_for(machine: Machine) -> Library:
    return Library(machine, None)


@pytest.fixture(params=["its own", "256 bits", "128 bits"])
def library(request: pytest.FixtureRequest) -> Library:
    """The kernels for vectors of this processor's width, of AVX2's, and of ARM's."""
    if not host().lanes:
        pytest.skip("there are no kernels for this processor")
    machines = {
        "its own": host(),
        "256 bits": host().narrowed(),
        "128 bits": replace(host().narrowed(), lanes=4, rows=8),
    }
    return made_for(machines[request.param])
