"""Kernels of a training step on a card compute what PyTorch does, there and back: interpreted, compiled, on a card."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from imgtrans.training.options import TrainOptions
from imgtrans.training.quick.maps import why_not
from imgtrans.training.state import new_state
from imgtrans.training.stepping import Stepping
from tests.training.quick.interpreted import DONE

HERE, ROOT = Path(__file__).parent, Path(__file__).parents[3]


def ran(script: str, cache: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    given = os.environ | {"PYTHONPATH": str(ROOT), "TRITON_CACHE_DIR": str(cache)} | environment
    return subprocess.run([sys.executable, str(HERE / script)], env=given, capture_output=True, text=True, check=False)


def test_interpreted_they_give_what_pytorch_gives_and_its_gradients(tmp_path: Path) -> None:
    pytest.importorskip("triton", reason="Triton comes with PyTorch for CUDA only")
    ended = ran("interpreted.py", tmp_path, TRITON_INTERPRET="1")
    if "only 0-dimensional arrays can be converted to Python scalars" in ended.stderr:
        pytest.skip("the interpreter of this Triton is older than this numpy")
    assert (ended.stdout, ended.returncode) == (f"{DONE}\n", 0), ended.stderr[-2000:]


@pytest.mark.slow
def test_they_compile_for_cards_of_two_generations(tmp_path: Path) -> None:
    pytest.importorskip("triton", reason="Triton comes with PyTorch for CUDA only")
    ended = ran("compiled.py", tmp_path)
    assert (ended.stdout, ended.returncode) == ("compiled\n", 0), ended.stderr[-2000:]


def test_where_there_is_no_card_it_is_said() -> None:
    assert why_not(torch.device("cpu")).startswith("Triton's kernels cannot be had here")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_on_a_card_steps_give_the_losses_of_plain_pytorch(tiny: dict[str, Any], precision: str) -> None:
    device = torch.device("cuda", 0)
    assert why_not(device) == ""
    rows = []
    for backend in ("eager", "auto"):
        given = {**tiny, "ngf": 16, "crop": 64, "pool_size": 2, "batch_size": 2, "spike_weight": 5.0}
        state = new_state(
            TrainOptions(**{**given, "device": "cuda", "precision": precision, "backend": backend}), device
        )
        generator = torch.Generator().manual_seed(1)
        stepping = Stepping(state)
        told = []
        for _ in range(8):
            a, b = (torch.rand(2, 3, 64, 64, generator=generator).to(device) * 2 - 1 for _ in "ab")
            told.append(stepping.take([(a, b)]).cpu())
        stepping.close()
        rows.append(torch.stack(told))
    close = 1e-3 if precision == "float32" else 0.02  # cards multiply float32 with fewer bits
    torch.testing.assert_close(rows[1][0], rows[0][0], rtol=close, atol=close)
    torch.testing.assert_close(rows[1], rows[0], rtol=0.1, atol=0.1)  # each step begins where the last one ended
