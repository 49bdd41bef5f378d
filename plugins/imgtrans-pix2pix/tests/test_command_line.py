"""From a file of pix2pix to a translated picture, as a user goes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from imgtrans_pix2pix.network import GeneratorUNet, Style
from PIL import Image

DOWNS = 8  # unet_256: a side of 256 is the least that it takes
SIDE = 2**DOWNS


def imgtrans(folder: Path, *arguments: object) -> str:
    environment = {**os.environ, "IMGTRANS_HOME": str(folder / "home"), "OMP_NUM_THREADS": "1"}
    environment.pop("IMGTRANS_PLUGINS", None)
    ended = subprocess.run(
        [sys.executable, "-m", "imgtrans", *map(str, arguments)],
        check=False,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_the_plugin_is_listed(tmp_path: Path):
    listed = [json.loads(line) for line in imgtrans(tmp_path, "plugins", "--json").splitlines()]
    (ours,) = (one for one in listed if one["package"] == "imgtrans-pix2pix")
    assert (ours["group"], ours["name"], ours["reason"]) == ("imgtrans.architectures", "unet", "")


def test_a_checkpoint_is_imported_and_translates_a_picture(tmp_path: Path):
    torch.manual_seed(0)
    network = GeneratorUNet(3, 3, 4, DOWNS, Style("batch", affine=True, tracked=True, bias=False)).eval()
    for tensor in network.state_dict().values():
        tensor.copy_(torch.rand_like(tensor) + 0.5 if tensor.ndim == 1 else torch.randn_like(tensor) / 8)
    torch.save(network.state_dict(), tmp_path / "latest_net_G.pth")
    picture = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    Image.fromarray(picture).save(tmp_path / "label.png")

    (card,) = imgtrans(tmp_path, "models", "import", "latest_net_G.pth", "--name", "facades", "--json").splitlines()
    assert json.loads(card)["architecture"] == "unet"
    imgtrans(tmp_path, "run", "label.png", "--model", "facades", "-o", "out")

    with torch.no_grad():
        expected = network(torch.from_numpy(picture).permute(2, 0, 1)[None] / 127.5 - 1)[0].permute(1, 2, 0)
    expected = (expected.numpy() + 1) * 127.5
    assert expected.std() > 10  # of a network that does nothing, nothing could be told
    (path,) = (tmp_path / "out").glob("*.png")
    with Image.open(path) as translated:
        assert np.abs(np.asarray(translated) - expected).max() <= 1
