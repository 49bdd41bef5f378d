"""A saved state is all that resuming needs, and is read safely."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from imgtrans.architectures.discriminator import Discriminator
from imgtrans.architectures.resnet import GeneratorResNet
from imgtrans.errors import FilesError
from imgtrans.files import is_temporary
from imgtrans.training.options import TrainOptions
from imgtrans.training.state import TrainingState, new_state, read_state
from tests.training.conftest import thin_state


@pytest.fixture
def thin() -> Callable[[TrainOptions], TrainingState]:
    return thin_state


@pytest.fixture
def used(data: Path, folder: Path, tiny: dict[str, Any], train_in: Callable[..., TrainingState]) -> TrainingState:
    """A state that has trained for some steps."""
    return train_in(data, folder, {**tiny, "steps": 6})


def equal(one: object, other: object) -> bool:
    """Whether two nests of tensors and plain values are bit-equal."""
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict):
        return isinstance(other, dict) and one.keys() == other.keys() and all(equal(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    return one == other


def test_new_networks_are_the_decks_of_the_size_that_was_asked_for(tiny: dict[str, Any]):
    networks = new_state(TrainOptions(**{**tiny, "ngf": 5, "blocks": 2}), torch.device("cpu")).objective.networks()
    assert list(networks) == ["G_AB", "G_BA", "D_A", "D_B"]
    for generator in (networks["G_AB"], networks["G_BA"]):
        assert isinstance(generator, GeneratorResNet)
        assert generator.state_dict()["model.11.block.1.weight"].shape == (20, 20, 3, 3)
    for discriminator in (networks["D_A"], networks["D_B"]):
        assert isinstance(discriminator, Discriminator)
        assert discriminator.output_shape == (1, 2, 2)


def test_new_networks_follow_from_the_seed_and_differ_from_each_other(tiny: dict[str, Any]):
    def weights(seed: int) -> list[torch.Tensor]:
        networks = new_state(TrainOptions(**{**tiny, "seed": seed}), torch.device("cpu")).objective.networks()
        return [next(network.parameters()).detach() for network in networks.values()]

    first, again, other = weights(1), weights(1), weights(2)
    assert equal(first, again)
    assert not any(map(torch.equal, first, other))
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first[2], first[3])


def test_weights_start_as_the_paper_says(tiny: dict[str, Any]):
    networks = new_state(TrainOptions(**tiny), torch.device("cpu")).objective.networks()
    weight = networks["D_A"].state_dict()["model.8.weight"]
    assert weight.std().item() == pytest.approx(0.02, rel=0.01)
    assert networks["D_A"].state_dict()["model.8.bias"].eq(0).all()


def test_adam_is_the_papers_and_holds_each_parameter_once(used: TrainingState):
    for optimizer, names in zip(used.objective.optimizers(), (("G_AB", "G_BA"), ("D_A", "D_B")), strict=True):
        (group,) = optimizer.param_groups
        assert group["betas"] == (0.5, 0.999)
        expected = {id(p) for name in names for p in used.objective.networks()[name].parameters()}
        assert len(group["params"]) == len(expected)
        assert {id(p) for p in group["params"]} == expected


def test_the_learning_rate_is_set_on_both_optimisers(used: TrainingState):
    used.set_learning_rate(0.125)
    assert [o.param_groups[0]["lr"] for o in used.objective.optimizers()] == [0.125, 0.125]


def test_the_two_pools_draw_different_numbers(used: TrainingState):
    assert used.objective.pool_A.random.random() != used.objective.pool_B.random.random()


def test_a_state_comes_back_bit_for_bit(
    used: TrainingState, folder: Path, thin: Callable[[TrainOptions], TrainingState]
):
    used.seconds = 12.5
    used.save(folder / "one.pt", "fingerprint")
    content = read_state(folder / "one.pt")
    assert content["data"] == "fingerprint"
    torch.manual_seed(1234)
    loaded = thin(TrainOptions(**content["options"]))
    loaded.load(content)
    assert (loaded.step, loaded.seconds, loaded.options) == (6, 12.5, used.options)
    loaded.save(folder / "two.pt", "fingerprint")
    assert equal(read_state(folder / "two.pt"), content)


def test_a_state_from_before_there_were_objectives_is_taken_up(
    used: TrainingState, folder: Path, thin: Callable[[TrainOptions], TrainingState]
):
    content = read_state(folder / "checkpoint.pt")
    older = {**content, **content["objective"]}
    del older["objective"], older["options"]["objective"]
    loaded = thin(TrainOptions.resumed(older["options"], {}))
    loaded.load(older)
    assert equal(loaded.content(content["data"])["objective"], content["objective"])


def test_saving_leaves_nothing_but_the_checkpoint(used: TrainingState, folder: Path):
    (folder / "only").mkdir()
    used.save(folder / "only" / "c.pt", "")
    assert [path.name for path in (folder / "only").iterdir()] == ["c.pt"]


@pytest.mark.skipif(os.name == "nt", reason="POSIX limits")
@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_save_that_breaks_off_is_an_error_of_the_disk_and_leaves_the_last_checkpoint_as_it_was(
    used: TrainingState, folder: Path, share: float
):
    import resource  # not there on Windows

    before = (folder / "checkpoint.pt").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(share * len(before)), limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            used.save(folder / "checkpoint.pt", "")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (folder / "checkpoint.pt").read_bytes() == before
    assert not [path for path in folder.iterdir() if is_temporary(path.name)]


def test_what_a_checkpoint_will_take_is_known_before(used: TrainingState, folder: Path):
    used.save(folder / "full.pt", "")
    size = (folder / "full.pt").stat().st_size
    assert size - 100_000 < used.bytes_to_save() <= size  # names and shapes take the rest


def test_a_missing_checkpoint_is_said_so(tmp_path: Path):
    with pytest.raises(FilesError, match="there is no checkpoint"):
        read_state(tmp_path / "checkpoint.pt")


@pytest.mark.parametrize("content", [b"", b"no checkpoint at all", b"PK\x03\x04 half an archive"])
def test_a_file_that_is_no_checkpoint_is_said_so(tmp_path: Path, content: bytes):
    (tmp_path / "checkpoint.pt").write_bytes(content)
    with pytest.raises(FilesError, match="not a training checkpoint"):
        read_state(tmp_path / "checkpoint.pt")


def test_a_checkpoint_that_breaks_off_is_said_so(used: TrainingState, folder: Path):
    whole = (folder / "checkpoint.pt").read_bytes()
    (folder / "checkpoint.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FilesError, match="not a training checkpoint"):
        read_state(folder / "checkpoint.pt")


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.7, 0.95])
def test_a_checkpoint_with_zeroed_bytes_inside_is_not_resumed_from(used: TrainingState, folder: Path, share: float):
    content = bytearray((folder / "checkpoint.pt").read_bytes())
    at = int(share * len(content))
    content[at : at + 4096] = bytes(4096)
    (folder / "checkpoint.pt").write_bytes(content)
    with pytest.raises(FilesError, match="damaged, its checksums do not match"):
        read_state(folder / "checkpoint.pt")


@pytest.mark.parametrize("content", [{}, {"format": 99}, [1, 2]])
def test_a_checkpoint_of_another_kind_or_version_is_said_so(tmp_path: Path, content: object):
    torch.save(content, tmp_path / "checkpoint.pt")
    with pytest.raises(FilesError, match="another version"):
        read_state(tmp_path / "checkpoint.pt")


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("a checkpoint has run code",))


@pytest.mark.parametrize("how", ["torch", "pickle"])
def test_a_checkpoint_cannot_run_code(tmp_path: Path, how: str):
    path = tmp_path / "checkpoint.pt"
    if how == "torch":
        torch.save({"format": 1, "bomb": Bomb()}, path)
    else:
        path.write_bytes(pickle.dumps({"format": 1, "bomb": Bomb()}))
    with pytest.raises(FilesError, match="not a training checkpoint"):
        read_state(path)
