"""``imgtrans train`` by presets and recipes, what it keeps, and what its guards let into the zoo."""

import csv
import json
import os
import pty
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image

from imgtrans.training.guards import guarding
from imgtrans.training.guards.trouble import Trouble
from imgtrans.training.objectives import discriminators
from imgtrans.training.state import read_state
from imgtrans.zoo.loading import find_model, load_network
from imgtrans.zoo.store import models_folder
from tests.conftest import Ended
from tests.training.conftest import make_data, thin_discriminator

Cli = Callable[..., Ended]
TINY = ["--ngf", 4, "--blocks", 1, "--crop", 32, "--device", "cpu", "--workers", 0]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return make_data(tmp_path / "day2night")


@pytest.fixture(autouse=True)
def thin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discriminators, "Discriminator", lambda shape: thin_discriminator())


@pytest.fixture
def train(cli: Cli, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: cli("train", *arguments)


def settings(name: str) -> dict[str, object]:
    return tomllib.loads(Path("runs", name, "train.toml").read_text())


def zoo() -> list[str]:
    return sorted(path.name for path in models_folder().iterdir()) if models_folder().exists() else []


# Recipes and presets


def test_a_run_is_repeated_by_the_recipe_beside_it(train: Cli, data: Path):
    ended = train("--data", data, *TINY, "--steps", 3, "--seed", 7, "--colour-jitter", 0.2, "--no-flip", "--rotate", 5)
    assert ended.code == 0, ended.err
    again = train("--recipe", "runs/day2night/train.toml", "--name", "again")
    assert again.code == 0, again.err
    assert again.out == "again\nagain-reverse\n"
    losses = [Path("runs", name, "losses.csv").read_bytes() for name in ("day2night", "again")]
    assert losses[0] == losses[1]
    assert {**settings("again"), "name": "day2night"} == settings("day2night")


def test_what_is_given_wins_over_the_environment_that_over_the_recipe_that_over_the_preset_that_over_the_configuration(
    train: Cli, data: Path, monkeypatch: pytest.MonkeyPatch
):
    Path("imgtrans.toml").write_text("[train]\nngf = 3\nblocks = 0\nsave-minutes = 9\nseed = 1\ncrop = 64\n")
    Path("mine.toml").write_text('data = "day2night"\nname = "mine"\nsteps = 2\nngf = 4\nblocks = 1\nseed = 2\n')
    monkeypatch.setenv("IMGTRANS_TRAIN_SEED", "3")
    ended = train("--preset", "fast", "--recipe", "mine.toml", "--blocks", 2, "--crop", 32, "--workers", 0)
    assert ended.code == 0, ended.err
    said = settings("mine")
    assert [said[key] for key in ("blocks", "seed", "ngf", "steps", "grid-every", "save-minutes", "crop")] == [
        2, 3, 4, 2, 100, 9.0, 32,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--preset", "smal"], 2, "there is no preset 'smal'\n  did you mean 'small'?"),
        (["--recipe", "gone.toml"], 4, "the recipe gone.toml cannot be read: No such file or directory"),
        (["--recipe", "bad.toml"], 2, "bad.toml: unknown key 'bloks'\n  did you mean 'blocks'?"),
        (["--on-trouble", "panic"], 2, "--on-trouble must be warn, stop or rollback, not panic"),
        (["--rotate", 200], 2, "--rotate must be at most 180, not 200"),
        (["--accumulate", 0], 2, "--accumulate must be at least 1, not 0"),
        (["--keep", 0], 2, "--keep must be at least 1, not 0"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_begun(
    train: Cli, data: Path, arguments: list[object], code: int, sentence: str
):
    Path("bad.toml").write_text("bloks = 3\n")
    ended = train("--data", data, *arguments)
    assert (ended.code, ended.out) == (code, "")
    assert ended.err.startswith(f"error: {sentence}")
    assert not Path("runs").exists()


@pytest.mark.slow
def test_each_preset_says_what_it_gives_and_costs(train: Cli):
    ended = train("--presets", "--json")
    assert ended.code == 0, ended.err
    told = {row["name"]: row for row in map(json.loads, ended.out.splitlines())}
    assert list(told) == ["paper", "small", "fast", "photo"]
    assert told["paper"]["weights"] == 45_508_620 or told["paper"]["weights"] > 45e6
    assert told["fast"]["seconds_per_step"] < told["small"]["seconds_per_step"] < told["paper"]["seconds_per_step"]
    assert told["fast"]["memory"] < told["small"]["memory"] < told["paper"]["memory"]


# What a step is


def test_accumulated_batches_are_one_larger_batch(train: Cli, data: Path):
    for name, arguments in (("whole", ["--batch-size", 4]), ("parts", ["--batch-size", 2, "--accumulate", 2])):
        assert train("--data", data, "--name", name, *TINY, "--steps", 2, "--pool-size", 0, *arguments).code == 0
    rows = []
    for name in ("whole", "parts"):
        with Path("runs", name, "losses.csv").open(newline="") as file:
            rows.append([[float(cell) for cell in row] for row in list(csv.reader(file))[1:]])
    assert rows[1] == [pytest.approx(row, rel=1e-3) for row in rows[0]]
    assert find_model("parts").card.training["pictures_seen"] == 8


def test_clipped_gradients_move_weights_less(train: Cli, data: Path):
    for name, arguments in (("free", []), ("clipped", ["--clip-norm", 1e-12])):
        assert train("--data", data, "--name", name, *TINY, "--steps", 1, *arguments).code == 0
    before = train("--data", data, "--name", "still", *TINY, "--steps", 1, "--learning-rate", 0)
    assert before.code == 0
    first = {name: next(load_network(find_model(name)).parameters()) for name in ("free", "clipped", "still")}
    moved = {name: float((first[name] - first["still"]).detach().abs().max()) for name in ("free", "clipped")}
    assert 0 < moved["clipped"] < moved["free"] / 10


# What is kept


def test_the_last_checkpoints_are_kept_and_a_model_comes_from_any_of_them(train: Cli, data: Path):
    ended = train("--data", data, *TINY, "--steps", 5, "--save-minutes", 0, "--keep", 3)
    assert ended.code == 0, ended.err
    kept = sorted(Path("runs/day2night/checkpoints").iterdir())
    assert [path.name for path in kept] == ["step-0000003.pt", "step-0000004.pt", "step-0000005.pt"]
    ended = train("--data", data, "--install", 4)
    assert (ended.code, ended.out) == (0, "day2night-step4\nnight2day-step4\n"), ended.err
    weights = read_state(kept[1])["networks"]["G_AB"]
    made = load_network(find_model("day2night-step4")).state_dict()
    assert all(torch.equal(tensor, made[key]) for key, tensor in weights.items())
    assert (find_model("day2night-step4").card.steps, find_model("day2night-step4").card.source) == (4, "day")
    ended = train("--data", data, "--install", 2)
    assert ended.code == 4
    assert ended.err.splitlines()[-2].endswith("runs/day2night keeps no checkpoint of step 2")
    assert "it keeps 3, 4, 5" in ended.err


def test_kept_checkpoints_beyond_the_place_where_a_run_goes_on_are_forgotten(train: Cli, data: Path):
    assert train("--data", data, *TINY, "--steps", 4, "--save-minutes", 0, "--keep", 9).code == 0
    folder = Path("runs/day2night")
    (folder / "checkpoint.pt").write_bytes((folder / "checkpoints/step-0000002.pt").read_bytes())
    for model in models_folder().iterdir():
        for file in model.iterdir():
            file.unlink()
        model.rmdir()
    assert train("--data", data, "--resume", "--save-minutes", 60).code == 0
    assert [path.name for path in sorted((folder / "checkpoints").iterdir())] == [
        "step-0000001.pt", "step-0000002.pt", "step-0000004.pt",
    ]  # fmt: skip


# What guards let through


@pytest.fixture
def troubled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the guards find, at the end, what they would after longer trainings."""
    from imgtrans.training import finish

    assert finish.standing_troubles is guarding.standing_troubles
    trouble = Trouble("collapsed", 3, "at step 3 the generator G_AB makes nearly the same of whatever it gets")
    monkeypatch.setattr(finish, "standing_troubles", lambda *_: [trouble])


def test_a_model_in_trouble_is_not_put_into_the_zoo_unless_somebody_says_so_and_then_its_card_tells(
    train: Cli, data: Path, troubled: None
):
    ended = train("--data", data, *TINY, "--steps", 3)
    assert (ended.code, ended.out, zoo()) == (5, "", [])
    error, hint = ended.err.splitlines()[-2:]
    assert error.startswith("error: the training has ended in trouble: at step 3 the generator G_AB makes nearly")
    assert "raise --cycle-weight" in hint and "--resume --install-anyway" in hint and "report.html" in hint
    ended = train("--data", data, "--resume", "--install-anyway")
    assert (ended.code, ended.out) == (0, "day2night\nnight2day\n"), ended.err
    for name in zoo():
        assert "its guards found trouble: at step 3 the generator G_AB makes" in find_model(name).card.provenance


# What can be seen


def test_a_run_has_a_report_and_event_files_that_tensorboard_reads(train: Cli, data: Path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    ended = train("--data", data, *TINY, "--steps", 30, "--grid-every", 10, "--tensorboard")
    assert ended.code == 0, ended.err
    folder = Path("runs/day2night")
    assert "complete" in (folder / "report.html").read_text(encoding="utf-8")
    seen = accumulator.EventAccumulator(str(folder / "tensorboard"), size_guidance={"images": 0})
    seen.Reload()
    assert [event.step for event in seen.Scalars("losses/G_cycle")] == [10, 20, 30]
    assert {"learning rate", "losses/G", "losses/D_A"} <= {*seen.Tags()["scalars"]}
    assert [event.step for event in seen.Images("G_AB")] == [10, 20, 30]
    with Image.open(folder / "grids" / "step-0000030.png") as grid:
        assert grid.size == (138, 206)


def test_without_tensorboard_it_is_said_before_anything_is_begun(
    train: Cli, data: Path, monkeypatch: pytest.MonkeyPatch
):
    from imgtrans.training import beforehand

    monkeypatch.setattr(beforehand, "find_spec", lambda name: None)
    ended = train("--data", data, *TINY, "--tensorboard")
    assert ended.code == 5
    assert ended.err == (
        "error: --tensorboard needs TensorBoard, which is not installed\n"
        "  install it with: pip install 'imgtrans[tensorboard]'\n"
    )
    assert not Path("runs").exists()


@pytest.fixture
def in_a_terminal(data: Path, tmp_path: Path) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """A training in a terminal of its own."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "imgtrans", "train", "--data", data, *TINY, "--steps", 100_000, "--grid-every", 10]
    process = subprocess.Popen(
        [*map(str, command)], cwd=tmp_path, stdin=theirs, stdout=subprocess.DEVNULL, stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "30", "PYTHONPATH": str(Path.cwd())},
        start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    yield process, ours
    if process.poll() is None:
        process.kill()
    process.wait()


@pytest.mark.skipif(os.name == "nt", reason="needs pseudo-terminals")
@pytest.mark.parametrize("closed", [False, True], ids=["seen", "closed"])
def test_a_terminal_shows_a_panel_and_when_it_is_closed_the_training_is_saved(
    in_a_terminal: tuple["subprocess.Popen[bytes]", int], tmp_path: Path, closed: bool
):
    process, terminal = in_a_terminal
    seen = b""
    while b"learning rate" not in seen and process.poll() is None:
        seen += os.read(terminal, 65536)
    for word in ("day2night and night2day", "G_cycle", "▁", "s/step", "memory", "left", "elapsed"):
        assert word.encode() in seen, word
    if closed:
        os.close(terminal)
        os.killpg(process.pid, signal.SIGHUP)
    else:
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)
        with pytest.raises(OSError, match="Input/output error"):
            while os.read(terminal, 65536):
                pass
        os.close(terminal)
    assert process.wait(60) == (129 if closed else 143)
    assert read_state(tmp_path / "runs" / "day2night" / "checkpoint.pt")["step"] >= 10
