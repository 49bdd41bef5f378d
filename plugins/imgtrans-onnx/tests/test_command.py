"""``--backend onnx``, as a user types it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from imgtrans_onnx.exporting import exported
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


def test_a_picture_is_translated_as_by_plain_pytorch(tmp_path: Path):
    picture = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    Image.fromarray(picture).resize((192, 128)).save(tmp_path / "a.png")
    made = {}
    for name in ("eager", "onnx"):
        ended = imgtrans(tmp_path, "run", "a.png", "--backend", name, "--device", "cpu", "-o", f"{name}.png")
        made[name] = np.asarray(Image.open(tmp_path / f"{name}.png")).astype(int)
    assert "on cpu in float32, onnx, larger pictures than" in ended.stderr
    assert np.abs(made["onnx"] - made["eager"]).max() <= 1
    assert (made["onnx"] != np.asarray(Image.open(tmp_path / "a.png"))).any()


def test_its_options_are_listed_and_others_refused(tmp_path: Path):
    listed = [
        json.loads(line)["option"] for line in imgtrans(tmp_path, "plugins", "--options", "--json").stdout.splitlines()
    ]
    assert "onnx.provider=auto|cpu|cuda|tensorrt|directml|coreml [auto]" in listed
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    ended = imgtrans(tmp_path, "run", "a.png", "--backend", "onnx", "-O", "onnx.providr=cpu", code=2)
    assert "did you mean 'provider'?" in ended.stderr


def test_an_onnx_file_is_imported_and_used_by_name_and_by_path_in_its_own_range(tmp_path: Path):
    torch.manual_seed(0)
    network = GeneratorResNet((3, 0, 0), 1, ngf=8).apply(weights_init_normal).eval().requires_grad_(False)
    (tmp_path / "G.onnx").write_bytes(exported(network))
    picture = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    Image.fromarray(picture).save(tmp_path / "a.png")
    values = torch.from_numpy(picture).permute(2, 0, 1)[None] / 255
    expected = (network(values).clamp(0, 1) * 255)[0].permute(1, 2, 0).numpy()
    (card,) = imgtrans(
        tmp_path, "models", "import", "G.onnx", "--name", "mine", "--assume", "value_range=0,1", "--json"
    ).stdout.splitlines()
    assert json.loads(card)["architecture"] == "onnx"
    ended = imgtrans(tmp_path, "run", "a.png", "-m", "mine", "-o", "b.png", "--device", "cpu", "--backend", "onnx")
    assert "onnx" in ended.stderr
    assert np.abs(np.asarray(Image.open(tmp_path / "b.png")) - expected).max() <= 1
    imgtrans(tmp_path, "run", "a.png", "-m", "G.onnx", "-o", "c.png", "--device", "cpu")
    expected = ((network(values * 2 - 1) + 1) * 127.5)[0].permute(1, 2, 0).numpy()
    assert np.abs(np.asarray(Image.open(tmp_path / "c.png")) - expected).max() <= 1
