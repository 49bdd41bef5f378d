"""A generator that somebody published: the one in the PyPI package vintagify, if it can be had."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch

from imgtrans.zoo.importing import import_checkpoint
from imgtrans.zoo.loading import load_network

WHEEL = "vintagify==0.1.2"
WEIGHTS = "vintagify/resources/G_A2B_epoch33.pth"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vintagify")
    fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--retries", "0", "--timeout", "10"]
    try:
        subprocess.run([*fetch, "--dest", folder, WHEEL], check=True, capture_output=True, timeout=120)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"{WHEEL} cannot be fetched: {type(error).__name__}")
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        return Path(wheel.extract(WEIGHTS, folder))


def test_it_is_recognised_imported_and_turns_green_into_autumn(weights: Path):
    imported = import_checkpoint(weights, "vintagify", source="modern", target="vintage")
    read = {"channels": 3, "ngf": 64, "blocks": 9, "upsampling": "transpose", "affine": True}
    assert imported.recognised.recognition.parameters == read
    meadow = torch.tensor([60.0, 140.0, 40.0]).view(1, 3, 1, 1) / 127.5 - 1
    texture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 0.3
    with torch.inference_mode():
        made = load_network(imported.model)(meadow + texture - 0.15)
    red_over_green = (made - meadow).mean(dim=(0, 2, 3))
    assert red_over_green[0] > red_over_green[1]  # warmer than it was
