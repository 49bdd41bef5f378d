"""``--backend ncnn``, as a user types it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image


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
    for name in ("eager", "ncnn"):
        ended = imgtrans(tmp_path, "run", "a.png", "--backend", name, "--device", "cpu", "-o", f"{name}.png")
        made[name] = np.asarray(Image.open(tmp_path / f"{name}.png")).astype(int)
    assert "on cpu in float32, ncnn, larger pictures than" in ended.stderr
    assert np.abs(made["ncnn"] - made["eager"]).max() <= 1
    assert (made["ncnn"] != np.asarray(Image.open(tmp_path / "a.png"))).any()


def test_its_options_are_listed_and_others_refused(tmp_path: Path):
    listed = [
        json.loads(line)["option"] for line in imgtrans(tmp_path, "plugins", "--options", "--json").stdout.splitlines()
    ]
    assert "ncnn.device=cpu|vulkan [cpu]" in listed
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    ended = imgtrans(tmp_path, "run", "a.png", "--backend", "ncnn", "-O", "ncnn.devise=cpu", code=2)
    assert "did you mean 'device'?" in ended.stderr
