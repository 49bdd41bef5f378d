"""Who a process is among others is what torchrun says, and is refused where that makes no sense."""

from pathlib import Path

import pytest

from imgtrans.errors import UsageError
from imgtrans.training.launch import Launch, goes_on, launched

NAMES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*NAMES, "TORCHELASTIC_RESTART_COUNT"):
        monkeypatch.delenv(name, raising=False)


def test_a_process_that_nobody_says_anything_of_is_alone():
    assert launched() == launched(2) == Launch(0, 1, 0, 1)


def test_torchrun_says_it_in_the_environment(monkeypatch: pytest.MonkeyPatch):
    for name, value in zip(NAMES, ("5", "8", "1", "4"), strict=True):
        monkeypatch.setenv(name, value)
    assert launched() == Launch(rank=5, size=8, local_rank=1, here=4)


def test_who_says_less_is_taken_to_be_on_one_machine(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert launched() == Launch(rank=1, size=2, local_rank=1, here=2)


@pytest.mark.parametrize(("rank", "size"), [("two", "4"), ("4", "4"), ("-1", "4"), ("", "4"), ("0", "many")])
def test_nonsense_in_the_environment_is_refused(monkeypatch: pytest.MonkeyPatch, rank: str, size: str):
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", size)
    with pytest.raises(UsageError, match=f"does not say which process this is: RANK={rank}, WORLD_SIZE={size}"):
        launched()


def test_processes_of_processes_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(UsageError, match="--nproc 2 starts processes, and this is one of 4"):
        launched(2)


@pytest.mark.parametrize("nproc", [0, -1, 10_000])
def test_how_many_is_a_sensible_number(nproc: int):
    with pytest.raises(UsageError, match="--nproc must be a number from 1 to 1024"):
        launched(nproc)


def test_a_process_that_is_started_again_goes_on_from_a_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "checkpoint.pt").write_bytes(b"")
    assert not goes_on(tmp_path)
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    assert goes_on(tmp_path)
    assert not goes_on(tmp_path / "another")
