"""The loop learns, repeats itself exactly, and loses nothing when it is stopped."""

import csv
import logging
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from imgtrans.errors import UnavailableError
from imgtrans.files import is_temporary
from imgtrans.training.data.dataset import ImageDataset, RandomCrops
from imgtrans.training.listening import Interval, Listener
from imgtrans.training.loop import LOG_EVERY, train
from imgtrans.training.objectives.cyclegan import LOSS_NAMES
from imgtrans.training.options import TrainOptions, learning_rate_factor
from imgtrans.training.state import TrainingState, read_state

Train = Callable[..., TrainingState]
NewState = Callable[[TrainOptions], TrainingState]


def after(step: int) -> Callable[[TrainingState], bool]:
    return lambda state: state.step >= step


def columns(folder: Path) -> dict[str, list[float]]:
    with (folder / "losses.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows] for name in rows[0]}


def equal(one: object, other: object) -> bool:
    """Whether two nests of tensors and plain values are bit-equal."""
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and torch.equal(one, other)
    if isinstance(one, dict):
        return isinstance(other, dict) and one.keys() == other.keys() and all(equal(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    return one == other


def same_runs(one: Path, other: Path) -> bool:
    """Whether two runs have equal losses and equal checkpoints, all bits of them."""
    contents = [read_state(folder / "checkpoint.pt") for folder in (one, other)]
    for content in contents:
        # Time goes its own way, and the data loader draws a number that nobody uses each time it starts.
        del content["seconds"], content["torch_random"]
    return equal(*contents) and (one / "losses.csv").read_bytes() == (other / "losses.csv").read_bytes()


# -- it learns


def test_two_pictures_are_overfitted(
    tmp_path: Path, tiny: dict[str, Any], train_in: Train, pictures: Callable[..., None]
):
    pictures(tmp_path / "data" / "trainA", 1, seed=5)
    pictures(tmp_path / "data" / "trainB", 1, seed=6)
    train_in(tmp_path / "data", tmp_path / "run", {**tiny, "ngf": 8, "steps": 120, "learning_rate": 3e-3})
    losses = columns(tmp_path / "run")
    for name in ("G_cycle", "G_identity"):
        first, last = np.mean(losses[name][:5]), np.mean(losses[name][-10:])
        assert last < first / 2, name


def test_every_network_is_trained(data: Path, folder: Path, tiny: dict[str, Any], train_in: Train, new_state: NewState):
    before = new_state(TrainOptions(**tiny)).objective.networks()
    trained = train_in(data, folder, {**tiny, "steps": 2}).objective.networks()
    for name, network in before.items():
        weights = [key for key in network.state_dict() if key.endswith("weight")]
        assert weights
        for key in weights:
            assert not torch.equal(network.state_dict()[key], trained[name].state_dict()[key]), f"{name} {key}"


def test_the_result_is_an_exponential_moving_average_of_the_weights_where_one_is_kept(
    data: Path, folder: Path, tiny: dict[str, Any], train_in: Train
):
    after_step: list[torch.Tensor] = []

    def watch(state: TrainingState) -> bool:
        after_step.append(next(state.objective.networks()["G_BA"].parameters()).detach().clone())
        return False

    state = train_in(data, folder, {**tiny, "steps": 4, "ema_decay": 0.75, "learning_rate": 0.01}, stop=watch)
    expected = after_step[0]
    for weights in after_step[1:]:
        expected = 0.75 * expected + 0.25 * weights
    torch.testing.assert_close(next(state.results()["G_BA"].parameters()).detach(), expected)
    assert not torch.allclose(expected, after_step[-1])
    assert state.results().keys() == {"G_AB", "G_BA"}


def test_without_an_average_the_result_is_what_was_trained_last(
    data: Path, folder: Path, tiny: dict[str, Any], train_in: Train
):
    state = train_in(data, folder, {**tiny, "steps": 2})
    assert state.results() == state.objective.generators()


def test_an_average_makes_no_difference_to_the_training(
    data: Path, tmp_path: Path, unbroken: Path, tiny: dict[str, Any], train_in: Train
):
    train_in(data, tmp_path / "run", {**tiny, "ema_decay": 0.9})
    assert (unbroken / "losses.csv").read_bytes() == (tmp_path / "run" / "losses.csv").read_bytes()


def test_an_average_can_begin_half_way(data: Path, folder: Path, tiny: dict[str, Any], train_in: Train):
    before = train_in(data, folder, tiny, stop=after(3))
    resumed = train_in(data, folder, {"ema_decay": 0.9}, resume=True, stop=after(4))
    first = next(resumed.results()["G_AB"].parameters())
    assert torch.equal(
        first, next(resumed.objective.generators()["G_AB"].parameters())
    )  # nothing of the weights before it
    assert not torch.equal(first, next(before.objective.generators()["G_AB"].parameters()))


def test_the_losses_are_those_of_a_plain_loop(
    data: Path, folder: Path, tiny: dict[str, Any], train_in: Train, new_state: NewState
):
    options = TrainOptions(**{**tiny, "steps": 6, "pool_size": 50})
    train_in(data, folder, options.to_dict())
    G_AB, G_BA, D_A, D_B = new_state(options).objective.networks().values()
    crops = RandomCrops(ImageDataset(data), 32, 1.0, options.seed)
    adams = [
        torch.optim.Adam([*one.parameters(), *other.parameters()], 2e-4, (0.5, 0.999))
        for one, other in ((G_AB, G_BA), (D_A, D_B))
    ]
    expected: dict[str, list[float]] = {name: [] for name in LOSS_NAMES}
    for step in range(6):
        for adam in adams:
            adam.param_groups[0]["lr"] = 2e-4 * [1, 1, 1, 3 / 4, 2 / 4, 1 / 4][step]
        a, b = crops[step]["A"][None], crops[step]["B"][None]
        fake_b, fake_a = G_AB(a), G_BA(b)
        adversarial = ((D_B(fake_b) - 1) ** 2).mean() + ((D_A(fake_a) - 1) ** 2).mean()
        cycle = (G_BA(fake_b) - a).abs().mean() + (G_AB(fake_a) - b).abs().mean()
        identity = (G_BA(a) - a).abs().mean() + (G_AB(b) - b).abs().mean()
        total = adversarial + 10 * cycle + 5 * identity
        adams[0].zero_grad()
        total.backward()
        adams[0].step()
        losses = [
            ((D(real) - 1) ** 2).mean() / 2 + (D(fake.detach()) ** 2).mean() / 2
            for D, real, fake in ((D_A, a, fake_a), (D_B, b, fake_b))
        ]
        adams[1].zero_grad()
        sum(losses).backward()
        adams[1].step()
        for name, loss in zip(LOSS_NAMES, (total, adversarial, cycle, identity, *losses), strict=True):
            expected[name].append(loss.item())
    ours = columns(folder)
    for name in LOSS_NAMES:
        assert ours[name] == pytest.approx(expected[name], rel=1e-3), name


def test_a_broken_picture_does_not_end_the_training(
    data: Path, folder: Path, tiny: dict[str, Any], train_in: Train, caplog: pytest.LogCaptureFixture
):
    whole = (data / "trainA" / "2.png").read_bytes()
    (data / "trainA" / "2.png").write_bytes(whole[: len(whole) // 2])
    with caplog.at_level(logging.WARNING):
        assert train_in(data, folder, tiny).step == 14
    assert "2.png" in caplog.text


def test_bfloat16_keeps_the_weights_in_float32(data: Path, folder: Path, tiny: dict[str, Any], train_in: Train):
    state = train_in(data, folder, {**tiny, "precision": "bfloat16", "steps": 3, "grid_every": 1})
    assert {p.dtype for network in state.objective.networks().values() for p in network.parameters()} == {torch.float32}
    assert np.isfinite(columns(folder)["G"]).all()


# -- it repeats itself


def test_equal_seeds_give_equal_losses_and_weights(
    data: Path, tmp_path: Path, unbroken: Path, tiny: dict[str, Any], train_in: Train
):
    torch.rand(17)  # what happened before in this process makes no difference
    train_in(data, tmp_path / "run", tiny)
    assert same_runs(unbroken, tmp_path / "run")


def test_another_seed_gives_other_losses(
    data: Path, tmp_path: Path, unbroken: Path, tiny: dict[str, Any], train_in: Train
):
    train_in(data, tmp_path / "run", {**tiny, "seed": 1})
    assert columns(unbroken)["G"][0] != columns(tmp_path / "run")["G"][0]


@pytest.mark.filterwarnings("ignore:.*worker processes.*:UserWarning")
def test_workers_make_no_difference(data: Path, tmp_path: Path, unbroken: Path, tiny: dict[str, Any], train_in: Train):
    train_in(data, tmp_path / "run", {**tiny, "workers": 2})
    assert (unbroken / "losses.csv").read_bytes() == (tmp_path / "run" / "losses.csv").read_bytes()


def test_saving_reporting_and_drawing_grids_make_no_difference(
    data: Path, tmp_path: Path, unbroken: Path, tiny: dict[str, Any], train_in: Train
):
    train_in(data, tmp_path / "run", {**tiny, "save_minutes": 0.0, "grid_every": 1})
    assert (unbroken / "losses.csv").read_bytes() == (tmp_path / "run" / "losses.csv").read_bytes()


# -- it is stopped and goes on


@pytest.mark.parametrize("stopped_after", [1, 2, 9, 10, 13])
def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(
    data: Path, tmp_path: Path, unbroken: Path, tiny: dict[str, Any], train_in: Train, stopped_after: int
):
    assert train_in(data, tmp_path / "run", tiny, stop=after(stopped_after)).step == stopped_after
    assert train_in(data, tmp_path / "run", {}, resume=True).step == 14
    assert same_runs(unbroken, tmp_path / "run")


@pytest.mark.parametrize(
    "changed",
    [
        {"batch_size": 3}, {"scale_jitter": 2.0}, {"identity_weight": 0.0}, {"pool_size": 0}, {"pool_size": 1},
        {"ema_decay": 0.5}, {"spike_weight": 1.0}, {"seed": 12345}, {"backend": "eager"},
        {"steps": 0, "epochs": 2, "decay_epochs": 1, "batch_size": 2},
    ],
)  # fmt: skip
def test_resuming_is_exact_whatever_the_options(
    data: Path, tmp_path: Path, tiny: dict[str, Any], train_in: Train, changed: dict[str, Any]
):
    options = {**tiny, **changed}
    train_in(data, tmp_path / "unbroken", options)
    for resume, step in ((False, 3), (True, 7), (True, 1000)):
        train_in(data, tmp_path / "broken", options if not resume else {}, resume=resume, stop=after(step))
    assert same_runs(tmp_path / "unbroken", tmp_path / "broken")


@pytest.mark.parametrize("crash_at", [5, 10, 12])
def test_a_run_that_crashed_goes_on_from_its_checkpoint_and_its_log_is_cut_back(
    data: Path, tmp_path: Path, unbroken: Path, tiny: dict[str, Any], train_in: Train, crash_at: int
):
    def crash(state: TrainingState) -> bool:
        if state.step == crash_at:
            raise KeyboardInterrupt
        return False

    broken = tmp_path / "run"
    log = broken / "losses.csv"
    train_in(data, broken, tiny, stop=after(4))
    with pytest.raises(KeyboardInterrupt):
        train_in(data, broken, {}, resume=True, stop=crash)
    assert read_state(broken / "checkpoint.pt")["step"] == 4
    with log.open("a") as file:
        file.write("13,1,1,1,1,1,1,1\r\n14,0.12")
    train_in(data, broken, {}, resume=True)
    assert same_runs(unbroken, broken)


def test_a_stop_saves_first(data: Path, folder: Path, tiny: dict[str, Any], train_in: Train):
    train_in(data, folder, tiny, stop=after(3))
    content = read_state(folder / "checkpoint.pt")
    assert content["step"] == 3
    assert content["data"] == ImageDataset(data).fingerprint()
    assert columns(folder)["step"] == [1, 2, 3]
    assert not any(is_temporary(path.name) for path in folder.rglob("*"))


def test_the_checkpoint_is_written_when_its_time_has_come(
    data: Path, folder: Path, tiny: dict[str, Any], train_in: Train
):
    saved: list[int] = []

    def look(state: TrainingState) -> bool:
        checkpoint = folder / "checkpoint.pt"
        saved.append(read_state(checkpoint)["step"] if checkpoint.exists() else 0)
        return state.step == 4

    train_in(data, folder, {**tiny, "save_minutes": 0.0}, stop=look)
    assert saved == [0, 1, 2, 3]  # asked between a step and its checkpoint
    (folder / "checkpoint.pt").unlink()
    saved.clear()
    train_in(data, folder, {**tiny, "save_minutes": 60.0}, stop=look)
    assert saved == [0, 0, 0, 0]
    assert read_state(folder / "checkpoint.pt")["step"] == 4


def test_the_log_on_disk_is_never_behind_the_checkpoint(
    data: Path, folder: Path, tiny: dict[str, Any], train_in: Train
):
    def look(state: TrainingState) -> bool:
        if state.step > 1:
            assert columns(folder)["step"][-1] >= read_state(folder / "checkpoint.pt")["step"] == state.step - 1
        return False

    train_in(data, folder, {**tiny, "save_minutes": 0.0}, stop=look)


def test_a_finished_run_is_finished_and_more_steps_go_on(
    data: Path, folder: Path, tiny: dict[str, Any], train_in: Train
):
    train_in(data, folder, tiny)
    before = (folder / "losses.csv").read_bytes()
    assert train_in(data, folder, {}, resume=True).step == 14
    assert (folder / "losses.csv").read_bytes() == before
    assert train_in(data, folder, {"steps": 17}, resume=True).step == 17
    assert columns(folder)["step"] == list(range(1, 18))


def test_the_seconds_of_all_parts_of_a_run_add_up(data: Path, folder: Path, tiny: dict[str, Any], train_in: Train):
    first = train_in(data, folder, tiny, stop=after(3)).seconds
    assert 0 < first < train_in(data, folder, {}, resume=True).seconds


# -- it diverges


def poison(value: float, at_step: int) -> Callable[[TrainingState], bool]:
    def stop(state: TrainingState) -> bool:
        if state.step == at_step:
            torch.nn.init.constant_(state.objective.networks()["G_AB"].model[1].weight, value)
        return False

    return stop


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("save_minutes", [60.0, 0.0])
def test_losses_that_are_not_finite_end_the_training_and_spare_the_last_checkpoint(
    data: Path, folder: Path, tiny: dict[str, Any], train_in: Train, value: float, save_minutes: float
):
    train_in(data, folder, tiny, stop=after(3))
    before = (folder / "checkpoint.pt").read_bytes()
    with pytest.raises(UnavailableError, match="not finite") as caught:
        train_in(data, folder, {"save_minutes": save_minutes}, resume=True, stop=poison(value, at_step=4))
    assert "last checkpoint" in caught.value.hint
    assert (folder / "checkpoint.pt").read_bytes() == before
    assert all(np.isfinite(numbers).all() for numbers in columns(folder).values())


def test_a_diverged_run_can_go_on_from_its_last_checkpoint(
    data: Path, tmp_path: Path, unbroken: Path, tiny: dict[str, Any], train_in: Train
):
    train_in(data, tmp_path / "run", tiny, stop=after(3))
    with pytest.raises(UnavailableError):
        train_in(data, tmp_path / "run", {}, resume=True, stop=poison(float("nan"), at_step=6))
    train_in(data, tmp_path / "run", {}, resume=True)
    assert same_runs(unbroken, tmp_path / "run")


# -- what it tells and shows


def test_the_learning_rate_of_the_log_follows_the_schedule(
    data: Path, folder: Path, tiny: dict[str, Any], train_in: Train
):
    train_in(data, folder, {**tiny, "steps": 0, "epochs": 2, "decay_epochs": 1})
    rates = columns(folder)["learning_rate"]
    assert rates == pytest.approx([2e-4 * learning_rate_factor(step, 15, 10) for step in range(15)], rel=1e-5)
    assert rates[:10] == [2e-4] * 10
    assert all(later < sooner for sooner, later in pairwise(rates[9:]))


def test_reports_come_every_few_steps_and_at_the_end(data: Path, folder: Path, tiny: dict[str, Any], train_in: Train):
    reports: list[Interval] = []
    train_in(data, folder, {**tiny, "steps": 2 * LOG_EVERY + 3}, reports=reports)
    assert [report.step for report in reports] == [LOG_EVERY, 2 * LOG_EVERY, 2 * LOG_EVERY + 3]
    for report in reports:
        assert report.all_steps == 2 * LOG_EVERY + 3
        assert report.seconds_per_step > 0
        logged = [columns(folder)[name][report.step - 1] for name in LOSS_NAMES]
        assert list(report.losses) == list(LOSS_NAMES)
        assert list(report.losses.values()) == pytest.approx(logged)


def test_picture_grids_are_pngs_of_the_right_size_at_the_right_steps(
    data: Path, folder: Path, tiny: dict[str, Any], train_in: Train
):
    train_in(data, folder, {**tiny, "grid_every": 6})
    grids = sorted((folder / "grids").iterdir())
    assert [path.name for path in grids] == ["step-0000006.png", "step-0000012.png", "step-0000014.png"]
    for path in grids:
        with Image.open(path) as image:
            assert (image.format, image.size) == ("PNG", (4 * 34 + 2, 6 * 34 + 2))


def test_every_listener_hears_of_the_end_whatever_another_does(
    data: Path, folder: Path, tiny: dict[str, Any], new_state: NewState
):
    heard: list[str] = []

    class Full(Listener):
        def ended(self) -> None:
            heard.append("full")
            raise OSError("the disk is full")

    class Last(Listener):
        def ended(self) -> None:
            heard.append("last")

    state = new_state(TrainOptions(**{**tiny, "steps": 1}))
    crops = RandomCrops(ImageDataset(data), 32, 1.0, 0)
    with pytest.raises(OSError, match="the disk is full"):
        train(state, crops, folder, [Full(), Last()], lambda: False)
    assert heard == ["full", "last"]
