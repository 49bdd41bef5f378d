"""``imgtrans train``: what it refuses before the first step, how it stops, and what it leaves in the zoo."""

import contextlib
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from imgtrans.cli.training import duration
from imgtrans.training import grid
from imgtrans.training.objectives import discriminators
from imgtrans.training.state import read_state
from imgtrans.zoo.loading import find_model, load_network
from imgtrans.zoo.store import CARD_FILE, Model, models_folder
from tests.conftest import Ended
from tests.pictures import save
from tests.training.conftest import make_data, thin_discriminator

Cli = Callable[..., Ended]
TINY = ["--ngf", 4, "--blocks", 1, "--crop", 32, "--device", "cpu"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return make_data(tmp_path / "day2night")


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "runs"
    shutil.rmtree(tmp_path / "runs", ignore_errors=True)


@pytest.fixture
def train(cli: Cli, data: Path, runs: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Run ``imgtrans train`` for four steps of tiny networks, in this process."""
    monkeypatch.setattr(discriminators, "Discriminator", lambda shape: thin_discriminator())
    command = ["train", "--data", data, "--runs", runs, "--workers", 0]

    def run(*arguments: object) -> Ended:
        monkeypatch.setattr(logging.root, "handlers", [])  # as in a process of its own, where pytest listens to nothing
        return cli(*command, *([] if "--resume" in arguments else [*TINY, "--steps", 4]), *arguments)

    return run


@pytest.fixture
def stopped_by(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Have a signal arrive when the first picture grid is due."""

    def stop(number: int) -> None:
        save_grid = grid.save_grid

        def interrupted(*arguments: Any) -> Any:
            monkeypatch.setattr(grid, "save_grid", save_grid)
            signal.raise_signal(number)
            return save_grid(*arguments)

        monkeypatch.setattr(grid, "save_grid", interrupted)

    return stop


def zoo() -> list[str]:
    return sorted(path.name for path in models_folder().iterdir()) if models_folder().exists() else []


# To its end


def test_both_models_are_in_the_zoo_and_ready_to_use(train: Cli, cli: Cli, runs: Path, tmp_path: Path):
    ended = train()
    assert (ended.code, ended.out) == (0, "day2night\nnight2day\n")
    assert zoo() == ["day2night", "night2day"]
    pictures, first, *_, last = ended.err.splitlines()
    assert pictures.startswith("training pictures: ") and pictures.endswith("trainB: 4 pictures, 33x50")
    assert first == (
        "training day2night and night2day on 5 + 4 pictures: crops of 32 pixels, width 4, 1 blocks, 4 steps "
        f"on cpu in float32; see {runs / 'day2night'}"
    )
    assert last == "night2day is in the zoo: imgtrans run PHOTOS --model night2day"
    assert len((runs / "day2night" / "losses.csv").read_text().splitlines()) == 5
    save(tmp_path / "a.png")
    assert cli("run", tmp_path / "a.png", "--model", "night2day", "--device", "cpu").code == 0


def test_an_objective_without_a_way_back_makes_one_model(train: Cli, runs: Path):
    ended = train("--objective", "cut", "--spectral-norm", "--gradient-penalty", 1)
    assert (ended.code, ended.out) == (0, "day2night\n")
    assert zoo() == ["day2night"]
    assert "\ntraining day2night on 5 + 4 pictures: " in ended.err
    header = (runs / "day2night" / "losses.csv").read_text().splitlines()[0]
    assert header == "step,G,G_adversarial,G_nce,G_nce_identity,D_B,D_penalty,learning_rate"
    card = find_model("day2night").card
    assert card.provenance.endswith(" by CUT (Park et al., ECCV 2020)")
    assert (card.training["objective"], card.training["gradient_penalty"]) == ("cut", 1.0)
    assert card.metrics.keys() >= {"loss_G_nce", "loss_D_penalty"}


def test_one_model_may_have_the_name_whose_reverse_is_taken(train: Cli, tiny: Model):
    tiny.weights.parent.rename(models_folder() / "night2day")
    assert train("--objective", "fastcut").code == 0
    assert zoo() == ["day2night", "night2day"]


def test_an_objective_starts_from_any_model_of_the_decks_kind(train: Cli, tiny: Model):
    assert train("--objective", "fastcut", "--init", "tiny").code == 0
    assert find_model("day2night").card.parameters == tiny.card.parameters


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        (["--objective", "cubism"], 5, "there is no 'cubism' among the objectives: cyclegan, cut, fastcut, modern"),
        (["--objective", "cut", "--cycle-weight", 3], 2, "--cycle-weight does nothing with --objective cut"),
        (["--scales", 2], 2, "--scales 2 needs crops of at least 64 pixels, not 32"),
    ],
)
def test_an_objective_that_is_none_or_has_no_use_for_an_option_is_refused_in_a_moment(
    train: Cli, runs: Path, given: list[object], code: int, said: str
):
    ended = train(*given)
    assert ended.code == code
    assert ended.err.startswith(f"error: {said}")
    assert not runs.exists()


def test_json_is_a_line_for_each_report_and_each_model(train: Cli):
    step, *models = map(json.loads, train("--json").out.splitlines())
    assert (step["event"], step["step"], step["steps"]) == ("step", 4, 4)
    assert step["G_cycle"] > 0
    assert [(model["event"], model["name"]) for model in models] == [("model", "day2night"), ("model", "night2day")]
    assert all(Path(model["path"]).is_file() for model in models)


def test_quiet_says_nothing(train: Cli):
    assert train("-q") == Ended(0, "day2night\nnight2day\n", "")


def test_a_broken_picture_is_named_and_left_out(train: Cli, data: Path):
    (data / "trainA" / "0.png").write_bytes((data / "trainA" / "0.png").read_bytes()[:60])
    ended = train("--steps", 6)
    assert ended.code == 0
    assert any(line.startswith("warning: ") and "0.png" in line for line in ended.err.splitlines())


# What is refused before the first step


@pytest.mark.parametrize(("taken", "name"), [("tiny", "tiny"), ("tiny", "tiny2b"), ("tiny-reverse", "tiny")])
def test_a_name_that_is_taken_is_refused_before_anything_is_made(
    train: Cli, runs: Path, tiny: Model, taken: str, name: str
):
    folder = models_folder() / {"tiny2b": "b2tiny"}.get(name, taken)
    if folder != tiny.weights.parent:
        tiny.weights.parent.rename(folder)
    ended = train("--name", name)
    assert (ended.code, ended.out) == (4, "")
    assert ended.err == (
        f"error: a model called {folder.name!r} is in the zoo already\n"
        f"  choose another name, or remove it with imgtrans models rm {folder.name}\n"
    )
    assert not runs.exists()


@pytest.mark.parametrize("name", ["../x", "a b", "x.pth", "-"])
def test_what_is_no_name_is_refused_before_anything_is_made(train: Cli, runs: Path, name: str):
    ended = train("--name", name)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"error: {name!r} cannot be a model's name\n")
    assert not runs.exists()


@pytest.mark.parametrize(
    ("domain", "how"),
    [(domain, how) for domain in ("trainA", "trainB") for how in ("empty", "without pictures", "missing")]
    + [(domain, "empty") for domain in ("testA", "testB")],
)
def test_a_domain_without_pictures_is_one_sentence(train: Cli, data: Path, runs: Path, domain: str, how: str):
    for name in ("testA", "testB"):
        save(data / name / "a.png")
    shutil.rmtree(data / domain)
    if how != "missing":
        (data / domain).mkdir()
    if how == "without pictures":
        (data / domain / "notes.txt").write_text("to be filled")
    ended = train()
    assert (ended.code, ended.out) == (4, "")
    first, *rest = ended.err.splitlines()
    assert first.startswith("error: ")
    assert str(data / domain) in first
    assert len(rest) == 1
    assert not runs.exists()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--ngf", 0), ("--crop", 30), ("--crop", 16), ("--batch-size", 0), ("--scale-jitter", 0.5), ("--seed", -1),
        ("--precision", "float8"), ("--backend", "abacus"), ("--upsampling", "bicubic"), ("--device", "abacus"),
        ("--steps", "many"), ("--score-by", "taste"), ("--evaluate-every", -1),
        ("--seed", "12345678901234567890123"), ("--scale-jitter", "nan"), ("--scale-jitter", "inf"),
        ("--learning-rate", "inf"), ("--workers", 100_000), ("--ngf", 10**9),
    ],
)  # fmt: skip
def test_an_option_that_makes_no_sense_is_a_usage_error(train: Cli, runs: Path, option: str, value: object):
    ended = train(option, value)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: ")
    assert not runs.exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--device", "abacus"], 2), (["--precision", "float8"], 2), (["--seed", "1" * 23], 2), (["--resume"], 4),
        (["--init", "gone.pth"], 3), (["--data", "nowhere"], 4), (["--runs", "/dev/null"], 4),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_before_torch_is_there(data: Path, runs: Path, arguments: list[str], code: int):
    given = ["imgtrans", "train", "--data", str(data), "--runs", str(runs), "--crop", "32", *arguments]
    script = f"import sys; sys.argv = {given!r}; from imgtrans.__main__ import main\ntry: main()\n"
    script += "except SystemExit as error: print(error.code, 'torch' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ended.stdout == f"{code} False\n", ended.stderr
    assert ended.stderr.startswith("error: ")
    assert not runs.exists()


@pytest.mark.parametrize("option", ["--epochs", "--decay-epochs"])
def test_steps_and_epochs_exclude_each_other(train: Cli, runs: Path, option: str):
    ended = train("--steps", 2, option, 1)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: --steps replaces --epochs and --decay-epochs\n")
    assert not runs.exists()


def test_a_run_that_is_there_already_is_not_begun_again(train: Cli, runs: Path, stopped_by: Callable[[int], None]):
    stopped_by(signal.SIGINT)
    train("--grid-every", 1)
    before = (runs / "day2night" / "checkpoint.pt").read_bytes()
    ended = train()
    assert (ended.code, ended.out) == (4, "")
    assert ended.err == (
        f"error: {runs / 'day2night'} holds a training run already\n  go on with --resume, or give another --name\n"
    )
    assert (runs / "day2night" / "checkpoint.pt").read_bytes() == before


def test_there_must_be_something_to_resume(train: Cli, runs: Path):
    ended = train("--resume")
    assert (ended.code, ended.out) == (4, "")
    assert ended.err == f"error: there is no checkpoint {runs / 'day2night' / 'checkpoint.pt'} to resume from\n"


# What cannot become anything


def test_two_identical_folders_are_refused(train: Cli, data: Path, runs: Path):
    shutil.rmtree(data / "trainB")
    shutil.copytree(data / "trainA", data / "trainB")
    ended = train()
    assert (ended.code, ended.out) == (4, "")
    assert "hold the same pictures: there is nothing to learn between them" in ended.err
    assert not runs.exists()


def test_pictures_smaller_than_the_crop_are_said_before_the_first_step(train: Cli, data: Path):
    (data / "trainA" / "0.png").unlink()
    save(data / "trainA" / "0.png", 20, 24)
    said = train().err.splitlines()[1]
    assert said.startswith(f"warning: 1 of 5 pictures in {data / 'trainA'} are smaller than the crops of 32 pixels")


def test_a_training_that_has_come_apart_says_so_and_is_not_installed(train: Cli, runs: Path):
    ended = train("--learning-rate", "1e6", "--steps", 20)
    assert (ended.code, ended.out, zoo()) == (5, "", [])
    said = [line for line in ended.err.splitlines() if line.startswith(("warning: ", "error: ", "  "))]
    before, at_once, error, hint = said
    assert before.startswith("warning: --learning-rate 1e+06 is 5,000,000,000 times the paper's 0.0002")
    assert at_once.startswith("warning: at step 10 ") and "come apart" in at_once
    assert error.startswith("error: the training has failed: day2night is no model, it makes values that are all but ")
    assert hint.startswith("  nothing was put into the zoo; start again under another --name, with a lower --learning")
    assert (runs / "day2night" / "checkpoint.pt").exists()


def test_how_long_a_cpu_takes_is_said_before_the_first_step(train: Cli, stopped_by: Callable[[int], None]):
    stopped_by(signal.SIGINT)
    _, first, second, _ = train("--grid-every", 1, "--steps", 10**9).err.splitlines()
    assert first.startswith("training ")
    assert second.startswith("warning: this takes about ") and " on this CPU (" in second
    assert "a beginning is --preset small, about " in second


# Stopped, and gone on with


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_it_saves_first_and_resumed_it_ends_as_if_it_had_not_been(
    train: Cli, runs: Path, stopped_by: Callable[[int], None], number: int, code: int
):
    assert train("--name", "unbroken", "--grid-every", 2).code == 0
    stopped_by(number)
    ended = train("--grid-every", 2)
    assert (ended.code, ended.out) == (code, "")
    assert ended.err.splitlines()[-1] == "stopped after step 2 and saved; --resume goes on from here"
    assert read_state(runs / "day2night" / "checkpoint.pt")["step"] == 2
    assert zoo() == ["unbroken", "unbroken-reverse"]
    ended = train("--resume")
    assert (ended.code, ended.out) == (0, "day2night\nnight2day\n")
    assert ended.err.splitlines()[1] == "going on after step 2"
    losses = [(runs / name / "losses.csv").read_bytes() for name in ("unbroken", "day2night")]
    assert losses[0] == losses[1]
    weights = [load_network(find_model(name)).state_dict() for name in ("unbroken", "day2night")]
    assert all(torch.equal(tensor, weights[1][name]) for name, tensor in weights[0].items())


def begun(data: Path, runs: Path) -> "subprocess.Popen[str]":
    """Return a training with two loaders that has done a step."""
    command = [sys.executable, "-m", "imgtrans", "train", "--data", data, "--runs", runs, *TINY, "--steps", 100_000]
    process = subprocess.Popen(
        [*map(str, command), "--grid-every", "1", "--workers", "2"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while process.poll() is None and not list(runs.rglob("step-*.png")) and time.monotonic() < deadline:
        time.sleep(0.01)
    return process


def listens(process: psutil.Process) -> bool:
    """Whether a process minds SIGTERM by now; before, it is Python that begins, and knows no better."""
    (caught,) = (
        line.split()[1] for line in Path(f"/proc/{process.pid}/status").read_text().splitlines() if "SigCgt" in line
    )
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("seconds", [0.0, 0.1, 0.5, 1.3, 2.5])
def test_at_any_moment_before_the_first_step_a_signal_ends_it_with_one_line(
    data: Path, runs: Path, number: int, seconds: float
):
    command = [sys.executable, "-m", "imgtrans", "train", "--data", data, "--runs", runs, *TINY, "--steps", 100_000]
    process = subprocess.Popen(
        [*map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while not listens(psutil.Process(process.pid)):
        time.sleep(0.001)
    time.sleep(seconds)
    os.killpg(process.pid, number)
    time.sleep(0.01)
    with contextlib.suppress(ProcessLookupError):  # once more, as impatient people do
        os.killpg(process.pid, number)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (130 if number == signal.SIGINT else 143, ""), stderr
    said = [line for line in stderr.splitlines() if not line.startswith("training ") and "this takes " not in line]
    assert len(said) == 1 and said[0].startswith("stopped"), stderr


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_reader_that_the_system_kills_costs_nothing(data: Path, runs: Path):
    process = begun(data, runs)
    readers = [child for child in psutil.Process(process.pid).children() if "spawn_main" in " ".join(child.cmdline())]
    assert len(readers) == 2
    readers[0].kill()
    before = {reader.pid for reader in readers}
    deadline = time.monotonic() + 60
    while {child.pid for child in psutil.Process(process.pid).children()} >= before and time.monotonic() < deadline:
        time.sleep(0.01)
    while not (runs / "day2night" / "checkpoint.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.01)  # saved because of it: its own time comes in minutes only
    saved = read_state(runs / "day2night" / "checkpoint.pt")["step"]
    os.killpg(process.pid, signal.SIGINT)
    stderr = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    (warning,) = (line for line in stderr.splitlines() if line.startswith("warning: "))
    assert warning.startswith("warning: a process that reads pictures was killed by the system (SIGKILL), mostly ")
    assert warning.endswith("another one goes on. What has been trained so far is saved.")
    assert read_state(runs / "day2night" / "checkpoint.pt")["step"] >= saved > 0


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_ctrl_c_in_a_terminal_reaches_the_loaders_too_and_still_saves_first(data: Path, runs: Path):
    process = begun(data, runs)
    os.killpg(process.pid, signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (130, "")
    step = read_state(runs / "day2night" / "checkpoint.pt")["step"]
    assert step > 0
    assert stderr.splitlines()[-1] == f"stopped after step {step} and saved; --resume goes on from here"
    assert "Traceback" not in stderr


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_no_process_outlives_a_training_that_is_killed(data: Path, runs: Path):
    process = begun(data, runs)
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 2
    process.kill()
    process.communicate(timeout=60)
    assert psutil.wait_procs(children, timeout=60)[1] == []


def test_a_complete_run_that_was_cut_off_before_its_models_were_in_the_zoo_puts_them_there(train: Cli):
    train()
    shutil.rmtree(models_folder() / "night2day")
    before = find_model("day2night")
    ended = train("--resume")
    assert (ended.code, ended.out) == (0, "day2night\nnight2day\n")
    assert find_model("day2night") == before
    assert zoo() == ["day2night", "night2day"]


def test_a_resumed_run_minds_the_names_too(train: Cli, tiny: Model, stopped_by: Callable[[int], None]):
    stopped_by(signal.SIGINT)
    train("--grid-every", 1)
    tiny.weights.parent.rename(models_folder() / "night2day")
    ended = train("--resume")
    assert (ended.code, ended.out) == (4, "")
    assert "a model called 'night2day' is in the zoo already" in ended.err


# From another model


def test_init_starts_from_a_model_and_has_its_shape(train: Cli, cli: Cli, tiny: Model, data: Path, runs: Path):
    ended = cli(
        "train", "--data", data, "--runs", runs, "--workers", 0, "--crop", 32, "--device", "cpu",
        "--init", "tiny", "--learning-rate", 0, "--steps", 1,
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert "width 4, 1 blocks, 1 steps" in ended.err
    before, after = load_network(tiny).state_dict(), load_network(find_model("day2night")).state_dict()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())
    assert find_model("day2night").card.training["init"] == "tiny"


def test_init_takes_the_reverse_too_where_there_is_one(train: Cli, tiny: Model):
    train("--name", "a2b")
    assert train("--init", "a2b", "--learning-rate", 0, "--steps", 1).code == 0
    for old, new in (("a2b", "day2night"), ("b2a", "night2day")):
        before, after = (load_network(find_model(name)).state_dict() for name in (old, new))
        assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--init", "tinny"], 3, "there is no model called 'tinny'"),
        (["--init", "gone.pth"], 3, "there is no file gone.pth"),
        (["--init", "tiny", "--ngf", 8], 2, "--ngf is 8, but tiny has 4"),
    ],
)
def test_init_from_what_cannot_be_is_refused(
    train: Cli, tiny: Model, runs: Path, arguments: list[object], code: int, sentence: str
):
    ended = train(*arguments)
    assert (ended.code, ended.out) == (code, "")
    assert f"error: {sentence}" in ended.err
    assert not runs.exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"parameters": {"channels": 3, "ngf": "4", "blocks": 1, "upsampling": "nearest"}},
            "does not hold the network",
        ),
        ({"parameters": {}}, "does not hold the network"),
        ({"value_range": (0.0, 1.0)}, "'tiny' cannot be trained on"),
    ],
)
def test_init_from_a_card_that_lies_or_cannot_be_trained_on_is_refused(
    train: Cli, tiny: Model, runs: Path, change: dict[str, object], sentence: str
):
    (tiny.weights.parent / CARD_FILE).write_text(replace(tiny.card, **change).to_toml())
    ended = train("--init", "tiny")
    assert (ended.code, ended.out) == (3, "")
    assert sentence in ended.err
    assert not runs.exists()


# Small things


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "0 s"),
        (59.6, "1 min 00 s"),
        (61, "1 min 01 s"),
        (3599.7, "1 h 00 min"),
        (90_061, "25 h 01 min"),
        (3 * 86_400, "3 days"),
        (121 * 86_400, "4 months"),
        (1100 * 86_400, "3 years"),
    ],
)
def test_a_duration_is_said_as_a_person_says_it(seconds: float, words: str):
    assert duration(seconds) == words


# The pictures looked over


def test_check_says_what_there_is_and_trains_nothing_however_the_folder_is_given(cli: Cli, data: Path, runs: Path):
    ended = cli("train", "--check", data, "--crop", 32)
    assert ended.code == 0
    said = ended.out.splitlines()
    assert said[:2] == [f"good   {data / 'trainA'}: 5 pictures, 40x36", f"good   {data / 'trainB'}: 4 pictures, 33x50"]
    assert said[-1] == "3 things to look at"  # few, few, and no tests
    assert cli("train", "--check", "--data", data, "--crop", 32).out == ended.out
    assert (
        cli("train", "--a", data / "trainA", "--b", data / "trainB", "--check", "--crop", 32).out.splitlines()[:2]
        == said[:2]
    )
    assert not runs.exists() and zoo() == []


def test_check_in_json_has_a_line_for_each_finding(cli: Cli, data: Path):
    shutil.copy(data / "trainA" / "0.png", data / "trainB" / "again.png")
    records = [json.loads(line) for line in cli("train", data, "--check", "--json").out.splitlines()]
    (both,) = (record for record in records if record.get("kind") == "in_both")
    assert (both["event"], both["state"]) == ("finding", "note")
    assert [Path(path).name for path in both["files"]] == ["0.png", "again.png"]
    assert records[-1]["event"] == "check" and records[-1]["wrong"] == 0


def test_check_of_two_identical_folders_is_wrong(cli: Cli, data: Path):
    shutil.rmtree(data / "trainB")
    shutil.copytree(data / "trainA", data / "trainB")
    ended = cli("train", "--check", data)
    assert ended.code == 1
    assert ended.out.startswith("wrong  ") and "put pictures of the other kind" in ended.out


def test_two_folders_of_any_name_are_trained_on(cli: Cli, data: Path, runs: Path):
    (data / "trainA").rename(data / "day")
    (data / "trainB").rename(data / "night")
    arguments = ["--a", data / "day", "--b", data / "night", "--runs", runs, *TINY, "--steps", 2]
    ended = cli("train", *arguments)
    assert (ended.code, ended.out) == (0, "day2night\nnight2day\n"), ended.err
    card = json.loads(cli("models", "info", "day2night", "--json").out)
    assert card["data_set"] == "day and night (5 and 4 pictures)"


def test_both_ways_to_name_the_pictures_at_once_are_refused(cli: Cli, data: Path):
    assert cli("train", data, "--data", data).code == 2
    assert cli("train", "--data", data, "--a", data).code == 2
    assert "give the folder that holds trainA and trainB" in cli("train").err


def test_what_is_there_more_than_once_in_several_ways_is_one_warning_before_a_run(train: Cli, data: Path):
    shutil.copy(data / "trainA" / "0.png", data / "trainA" / "again.png")
    shutil.copy(data / "trainA" / "1.png", data / "trainB" / "again.png")
    warnings = [line for line in train().err.splitlines() if line.startswith("warning: ")]
    assert warnings == [
        "warning: pictures are there more than once: 1 in trainA, 1 in trainA and trainB; imgtrans train --check says "
        "which, and what to do"
    ]


def test_scores_are_said_and_recorded_and_the_models_carry_them(train: Cli, cli: Cli, data: Path):
    for folder in ("trainA", "trainB", "testA", "testB"):
        for n in range(10):
            save(data / folder / f"more{n}.png", 40, 40, seed=100 * len(folder) + 10 * ord(folder[-1]) + n)
    ended = train("--evaluate-every", 2, "--score-by", "statistics")
    assert ended.code == 0
    said = [line for line in ended.err.splitlines() if line.startswith("step ")]
    assert said[0].startswith("step 2: KID by statistics: G_AB ") and said[0].endswith("; the best so far")
    assert ended.out.startswith("day2night\nnight2day\n")
    card = json.loads(cli("models", "info", "day2night", "--json").out)
    assert card["metrics"]["kid_statistics_low"] <= card["metrics"]["kid_statistics"]
    assert card["training"]["score_by"] == "statistics" and card["training"]["scored_on"] == [10, 10]
    records = [json.loads(line) for line in train("--name", "x2y", "--evaluate-every", 2, "--json").out.splitlines()]
    scores = [record for record in records if record["event"] == "score"]
    assert {record["generator"] for record in scores} == {"G_AB", "G_BA"}
    assert (scores[0]["score"], scores[0]["extractor"], scores[0]["step"]) == ("kid", "classifier", 2)
