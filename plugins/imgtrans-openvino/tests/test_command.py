"""``--backend openvino``, as a user types it."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from imgtrans import GeneratorResNet, weights_init_normal


def imgtrans(folder: Path, *arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "IMGTRANS_HOME": str(folder / "home"), "OMP_NUM_THREADS": "1"}
    environment.pop("IMGTRANS_PLUGINS", None)
    ended = subprocess.run(
        [sys.executable, "-m", "imgtrans", *map(str, arguments)],
        check=False,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert ended.returncode == code, ended.stderr
    return ended


def picture(path: Path, seed: int) -> Path:
    small = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(small).resize((192, 128), Image.Resampling.BICUBIC).save(path)
    return path


def test_a_picture_is_translated_as_by_plain_pytorch(tmp_path: Path):
    picture(tmp_path / "a.png", 0)
    made = {}
    for name in ("eager", "openvino"):
        ended = imgtrans(tmp_path, "run", "a.png", "--backend", name, "--device", "cpu", "-o", f"{name}.png")
        made[name] = np.asarray(Image.open(tmp_path / f"{name}.png")).astype(int)
    assert "on cpu in float32, openvino, larger pictures than" in ended.stderr
    assert np.abs(made["openvino"] - made["eager"]).max() <= 1


@pytest.mark.skipif(find_spec("nncf") is None, reason="NNCF, which is large and for int8 alone, is not installed")
def test_another_precision_or_other_pictures_to_fit_to_make_outputs_again_and_the_loss_is_said(tmp_path: Path):
    torch.manual_seed(0)
    torch.save(GeneratorResNet((3, 0, 0), 1, ngf=8).apply(weights_init_normal).state_dict(), tmp_path / "small.pth")
    for n in range(8):
        picture(tmp_path / "photos" / f"{n}.png", n)
    given = ("run", "photos", "-m", "small.pth", "-o", "out", "--device", "cpu", "--include", "0.png")
    given = (*given, "--backend", "openvino")
    imgtrans(tmp_path, *given)
    int8 = (*given, "-O", "openvino.precision=int8", "-O", "openvino.calibration=photos")
    said = imgtrans(tmp_path, *int8).stderr
    assert "openvino (int8, fitted to 8 pictures: differs by" in said
    assert "1 translated" in said
    assert "nothing to do" in imgtrans(tmp_path, *int8).stderr
    picture(tmp_path / "photos" / "9.png", 9)
    assert "fitted to 9 pictures" in imgtrans(tmp_path, *int8).stderr
