"""A recorded step is the step that it was made of, with other pictures, other draws and another learning rate."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from imgtrans.training.options import TrainOptions
from imgtrans.training.quick.recorded import RecordedStep, Work
from imgtrans.training.state import TrainingState, new_state
from imgtrans.training.stepping import Stepping
from imgtrans.training.update import take_step

NewState = Callable[[TrainOptions], TrainingState]


def batches(count: int, size: int = 2) -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(7)
    made = torch.rand(count, 2, size, 3, 32, 32, generator=generator) * 2 - 1
    return [(pair[0], pair[1]) for pair in made]


def as_it_is(work: Work) -> Work:
    """Stand for a recording where there is no card: the same work on the same places."""
    return work


def test_what_a_recording_reads_is_what_the_plain_step_reads(new_state: NewState, tiny: dict[str, Any]) -> None:
    options = TrainOptions(**{**tiny, "batch_size": 2, "pool_size": 2, "backend": "eager"})
    plain, other = new_state(options), new_state(options)
    recorded: RecordedStep | None = None

    def plainly(batches: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
        return take_step(other.objective, batches, other.autocast())

    for number, batch in enumerate(batches(12)):
        for state in (plain, other):
            state.set_learning_rate(2.0 ** -(10 + number))  # float32 has it exactly
        expected = take_step(plain.objective, [batch], plain.autocast())
        if number == 3:
            pools = other.objective.drawn_ahead()
            recorded = RecordedStep(other.objective, pools, plainly, as_it_is)
            other.set_learning_rate(2.0 ** -(10 + number))
        found = recorded.take(batch) if recorded else take_step(other.objective, [batch], other.autocast())
        assert torch.equal(found, expected)
    same(plain, other)
    assert recorded is not None
    recorded.close()
    assert all(type(group["lr"]) is float for o in other.objective.optimizers() for group in o.param_groups)
    same(plain, other)


def same(one: TrainingState, other: TrainingState) -> None:
    """Compare all that a checkpoint has."""
    first, second = one.content(""), other.content("")
    flat = [torch.utils._pytree.tree_flatten(content)[0] for content in (first, second)]
    assert len(flat[0]) == len(flat[1])
    for a, b in zip(*flat, strict=True):
        assert torch.equal(a, b) if isinstance(a, Tensor) else a == b


def test_one_that_cannot_be_recorded_is_taken_plainly_and_said(
    new_state: NewState, tiny: dict[str, Any], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = TrainOptions(
        **{**tiny, "batch_size": 2, "pool_size": 2, "learning_rate": 2.0**-12, "backend": "recorded"}
    )
    plain, other = new_state(options), new_state(options)
    stepping = Stepping(other)
    monkeypatch.setattr(stepping, "_may_record", True)  # which on a CPU cannot be done, as will turn out

    def refused(work: Work) -> Work:
        raise RuntimeError("there is nothing to record with")

    monkeypatch.setattr("imgtrans.training.stepping.on_card", refused)
    for batch in batches(8):
        expected = take_step(plain.objective, [batch], plain.autocast())
        assert torch.equal(stepping.take([batch]), expected)
    stepping.close()
    same(plain, other)
    (record,) = caplog.records
    assert record.getMessage().startswith("a step cannot be recorded (there is nothing to record with)")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_card_recorded_steps_give_the_losses_of_plain_ones(tiny: dict[str, Any]) -> None:
    device = torch.device("cuda", 0)
    rows = []
    for backend in ("eager", "recorded"):
        given = {**tiny, "device": "cuda", "precision": "float32", "pool_size": 2, "batch_size": 2}
        state = new_state(TrainOptions(**{**given, "backend": backend}), device)
        stepping = Stepping(state)
        told = []
        for number, (a, b) in enumerate(batches(10)):
            state.set_learning_rate(2e-4 / (number + 1))
            told.append(stepping.take([(a.to(device), b.to(device))]).cpu())
        assert (stepping._recorded is not None and stepping._recorded._again is not None) == (backend == "recorded")
        stepping.close()
        rows.append(torch.stack(told))
    torch.testing.assert_close(rows[1][0], rows[0][0], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(rows[1], rows[0], rtol=0.02, atol=0.02)  # each step begins where the last one ended
