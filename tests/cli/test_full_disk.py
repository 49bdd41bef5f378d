"""A disk that is full or read-only under whatever writes a large file: one sentence, exit 4, and nothing half-left."""

import logging
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imgtrans.files import is_temporary
from imgtrans.training import state
from imgtrans.training.objectives import discriminators
from imgtrans.training.state import read_state
from imgtrans.zoo.store import Model, models_folder
from tests.conftest import Ended
from tests.disks import SmallDisk
from tests.training.conftest import make_data, thin_discriminator
from tests.zoo.server import Server, file, without_proxies

Cli = Callable[..., Ended]
Disk = Callable[[str], SmallDisk]


def is_one_sentence(ended: Ended, about: object) -> bool:
    """Whether a command has said in a sentence, with at most a hint, that a disk lets it down."""
    first, *rest = ended.err.splitlines()[-2:] if "\n  " in ended.err else ended.err.splitlines()[-1:]
    return (ended.code, ended.out) == (4, "") and first.startswith("error: ") and str(about) in first and len(rest) < 2


# Training


@pytest.fixture
def train(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Run ``imgtrans train`` with tiny networks, whose checkpoints have about 370 kilobytes, in this process."""
    monkeypatch.setattr(discriminators, "Discriminator", lambda shape: thin_discriminator())
    command = ["train", "--data", make_data(tmp_path / "day2night"), "--workers", 0]
    tiny = ["--ngf", 4, "--blocks", 1, "--crop", 32, "--device", "cpu", "--steps", 6, "--pool-size", 3]

    def run(*arguments: object) -> Ended:
        monkeypatch.setattr(logging.root, "handlers", [])
        return cli(*command, *([] if "--resume" in arguments else tiny), *arguments)

    return run


def test_a_disk_that_is_full_while_a_training_saves_leaves_its_last_checkpoint(
    train: Cli, small_disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    assert train("--runs", tmp_path / "unbroken").code == 0
    unbroken = (tmp_path / "unbroken" / "day2night" / "losses.csv").read_bytes()
    disk = small_disk("2m")
    save = state.TrainingState.save

    def filling(self: state.TrainingState, *arguments: Any) -> None:
        if self.step == 3:
            disk.fill(but=200_000)
        save(self, *arguments)

    monkeypatch.setattr(state.TrainingState, "save", filling)
    ended = train("--runs", disk.path, "--name", "again", "--save-minutes", 0)
    assert is_one_sentence(ended, disk.path / "again")
    assert "No space left" in ended.err
    assert "--resume goes on from the last checkpoint, which is as it was" in ended.err
    assert read_state(disk.path / "again" / "checkpoint.pt")["step"] == 2
    files = ("checkpoint.pt", "looks.csv", "losses.csv", "report.html", "train.toml")
    assert disk.files() == [f"again/{name}" for name in files]
    (disk.path / "filler").unlink()
    monkeypatch.setattr(state.TrainingState, "save", save)
    assert train("--runs", disk.path, "--name", "again", "--resume").code == 0
    assert (disk.path / "again" / "losses.csv").read_bytes() == unbroken


def test_a_disk_without_room_for_checkpoints_is_found_before_the_first_step(train: Cli, small_disk: Disk):
    disk = small_disk("512k")
    ended = train("--runs", disk.path)
    assert is_one_sentence(ended, "there is room for 1 MB in")
    assert disk.files() == []


def test_a_disk_that_is_read_only_is_found_before_the_first_step(train: Cli, small_disk: Disk):
    disk = small_disk("1m")
    disk.change("ro")
    ended = train("--runs", disk.path / "runs")
    assert is_one_sentence(ended, f"{disk.path / 'runs' / 'day2night'} cannot be written: Read-only file system")


def test_a_zoo_without_room_for_what_was_trained_gets_it_by_resuming(
    train: Cli, small_disk: Disk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    disk = small_disk("64k")
    disk.fill(but=8192)
    monkeypatch.setenv("IMGTRANS_HOME", str(disk.path))
    ended = train("--runs", tmp_path / "runs")
    assert is_one_sentence(ended, "the model cannot be written to")
    assert "--resume puts what is missing there" in ended.err
    assert disk.files() == []
    disk.change("size=16m")
    assert train("--runs", tmp_path / "runs", "--resume").out == "day2night\nnight2day\n"


# The zoo


@pytest.mark.parametrize("to", ["safetensors", "pth", "onnx", "torch.export"])
def test_an_export_that_does_not_fit_leaves_nothing(cli: Cli, small_disk: Disk, tiny: Model, to: str):
    disk = small_disk("64k")
    disk.fill(but=8192)
    ended = cli("models", "export", "tiny", "--to", to, "-o", disk.path / "tiny")
    assert is_one_sentence(ended, f"{disk.path / 'tiny'} cannot be written: No space left on device")
    assert disk.files() == []


def test_an_import_that_does_not_fit_leaves_nothing(
    cli: Cli, small_disk: Disk, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
):
    disk = small_disk("64k")
    disk.fill(but=8192)
    monkeypatch.setenv("IMGTRANS_HOME", str(disk.path))
    ended = cli("models", "import", tiny_weights, "--name", "mine")
    assert is_one_sentence(ended, "the model cannot be written to")
    assert disk.files() == []


def test_an_import_needs_no_room_for_temporary_files(
    cli: Cli, small_disk: Disk, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
):
    disk = small_disk("64k")
    monkeypatch.setattr(tempfile, "tempdir", str(disk.path))
    disk.fill(but=8192)
    ended = cli("models", "import", tiny_weights, "--name", "mine")
    assert (ended.code, ended.out) == (0, "mine\n"), ended.err
    assert disk.files() == []


def test_a_download_that_does_not_fit_is_gone_on_from_when_there_is_room(
    cli: Cli, small_disk: Disk, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
):
    disk = small_disk("96k")
    monkeypatch.setenv("IMGTRANS_HOME", str(disk.path))
    without_proxies(monkeypatch)
    with Server() as server:
        url = server.serve("/fog2sun.safetensors", file(tiny_weights.read_bytes()))
        disk.fill(but=20_000)
        ended = cli("models", "pull", url)
        assert is_one_sentence(ended, "fog2sun.safetensors cannot be written: No space left on device")
        assert not models_folder().exists()
        disk.change("size=16m")
        assert cli("models", "pull", url).out == "fog2sun\n"
    assert not [name for name in disk.files() if is_temporary(Path(name).name) or name.endswith(".part")]
