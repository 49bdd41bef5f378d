"""A file that is made to take memory or time gets neither, and PyTorch is not even asked to load it."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from imgtrans.checkpoint import outline, read_networks, reading, refusals, torchfile
from imgtrans.errors import ModelError
from tests.checkpoint.makers import Call, Storage, Weights, legacy, program, tensor, zipped
from tests.checkpoint.traps import TRAPS, _raw


@pytest.mark.parametrize("kind", TRAPS)
def test_a_trap_is_refused_in_one_sentence(
    kind: str, weights: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    make, sentence = TRAPS[kind]
    path = tmp_path / "w.pth"
    make(path, weights)
    monkeypatch.delattr(torch, "load")
    with pytest.raises(ModelError) as refusal:
        read_networks(path)
    assert sentence in refusal.value.message
    assert refusal.value.message.startswith(f"{path} ")
    assert len(refusal.value.message.removeprefix(str(path))) < 400
    assert refusal.value.message.isprintable()
    assert refusal.value.hint
    assert [*tmp_path.iterdir()] == [path]


SCRIPT = """
import resource, sys
from pathlib import Path
from imgtrans.checkpoint import read_networks
from imgtrans.errors import ModelError

status = Path("/proc/self/status").read_text()
used = int(status.split("VmSize:")[1].split()[0]) << 10
resource.setrlimit(resource.RLIMIT_AS, (used + (400 << 20),) * 2)
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        read_networks(path)
        print("was read:", path)
    except ModelError as error:
        if "memory" in error.message:
            print(error.message)
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10
if grown > 150:
    print("took", grown, "MB")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits and /proc")
def test_all_traps_together_fit_into_little_memory_and_time(weights: Weights, tmp_path: Path):
    for name, (make, _) in TRAPS.items():
        make(tmp_path / f"{name}.pth", weights)
    ended = subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path)], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_more_instructions_than_a_network_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(outline, "_MOST_INSTRUCTIONS", 1000)
    _raw(b"\x80\x02" + b"N" * 2000 + b".")(tmp_path / "w.pth", {})
    with pytest.raises(ModelError, match="more instructions than any network needs"):
        read_networks(tmp_path / "w.pth")


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_more_tensors_than_any_network_has(
    suffix: str, weights: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from imgtrans.checkpoint import reading, write_weights

    monkeypatch.setattr(reading, "MOST_TENSORS", 3)
    monkeypatch.setattr(torchfile, "MOST_TENSORS", 3)
    path = tmp_path / f"w.{suffix}"
    if suffix == "pth":
        torch.save(weights, path)
    else:
        write_weights(weights, path)
    with pytest.raises(ModelError, match=rf"holds {len(weights)} tensors, more than any network"):
        read_networks(path)


def test_a_file_that_does_not_fit_is_no_damaged_file(weights: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object, **__: object) -> None:
        raise MemoryError

    torch.save(weights, tmp_path / "w.pth")
    monkeypatch.setattr(reading, "describe", full)
    with pytest.raises(ModelError, match="does not fit into the memory of this machine"):
        read_networks(tmp_path / "w.pth")


def test_pytorch_itself_would_have_fallen_into_the_trap(tmp_path: Path):
    """It makes up the values that a shape asks for: what these checks are for."""
    legacy(tmp_path / "w.pth", program({"a": tensor(Storage("1", 2, part=None), 1000)}), [])
    assert torch.load(tmp_path / "w.pth", weights_only=True)["a"].shape == (1000,)
    zipped(tmp_path / "w.pth", program({"a": Call(bytearray, 1 << 20)}))
    assert len(torch.load(tmp_path / "w.pth", weights_only=True)["a"]) == 1 << 20


def test_the_bounds_are_far_from_what_people_train():
    assert refusals.MOST_BYTES > 30 * 500e6
    assert refusals.MOST_TENSORS > 60 * 1500
