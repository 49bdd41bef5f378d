"""One suite over everything that is registered: core's, and that of whatever plugins are installed."""

import pytest
import torch

from imgtrans.protocols import Architecture
from imgtrans.registry import GROUPS, implementation, registered
from imgtrans.testing import check_architecture, check_backend, check_executor, check_objective, shapes_of

ARCHITECTURES, BACKENDS, EXECUTORS, OBJECTIVES = GROUPS


def names(group: str) -> list[str]:
    return [one.name for one in registered(group) if not one.left_out]


@pytest.mark.parametrize("name", names(ARCHITECTURES))
def test_an_architecture_keeps_its_promises(name: str):
    architecture: Architecture = implementation(ARCHITECTURES, name)
    assert architecture.name == name
    check_architecture(architecture)


@pytest.mark.parametrize("name", names(ARCHITECTURES))
def test_no_architecture_knows_what_is_anothers(name: str):
    architecture: Architecture = implementation(ARCHITECTURES, name)
    others = [implementation(ARCHITECTURES, other) for other in names(ARCHITECTURES) if other != name]
    for parameters in architecture.examples():
        with torch.device("meta"):
            shapes = shapes_of(architecture.build(parameters))
        for layout in ({key: key for key in shapes}, *architecture.layouts(parameters).values()):
            spelled = {theirs: shapes[own] for own, theirs in layout.items()}
            assert [other.name for other in others if other.recognise(spelled) is not None] == []


@pytest.mark.parametrize("name", names(BACKENDS))
def test_a_backend_keeps_its_promises(name: str):
    assert implementation(BACKENDS, name).name == name
    check_backend(implementation(BACKENDS, name))


@pytest.mark.parametrize("name", names(EXECUTORS))
def test_an_executor_keeps_its_promises(name: str):
    check_executor(implementation(EXECUTORS, name))


@pytest.mark.parametrize("name", names(OBJECTIVES))
def test_an_objective_keeps_its_promises(name: str):
    check_objective(implementation(OBJECTIVES, name))
