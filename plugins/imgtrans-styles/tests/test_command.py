"""From files of these networks to translated pictures, as a user goes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from imgtrans_styles import cartoongan, transformernet
from PIL import Image
from torch import nn

from imgtrans.protocols import Architecture


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


def drawn(network: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    for tensor in network.state_dict().values():
        tensor.copy_(torch.rand_like(tensor) + 0.5 if tensor.ndim == 1 else torch.randn_like(tensor) / 8)
    return network.eval().requires_grad_(False)


@pytest.mark.parametrize(
    ("architecture", "parameters", "middle", "reach", "turned"),
    [
        (transformernet.architecture, {"channels": 3, "ngf": 4, "blocks": 2, "code": "pytorch"}, 127.5, 127.5, False),
        (cartoongan.architecture, {"channels": 3, "ngf": 4, "blocks": 2}, 0.0, 1.0, True),
    ],
    ids=["pixels of 0 to 255", "blue first"],
)
@pytest.mark.parametrize("tiling", ["off", "exact"])
def test_a_picture_is_translated_in_the_networks_own_terms(
    tmp_path: Path, architecture: Architecture, parameters: dict, middle: float, reach: float, turned: bool, tiling: str
):
    network = drawn(architecture.build(parameters))
    if reach > 1:  # pixels, and nothing behind the last convolution that would make them so
        network[-1].weight *= 20
        network[-1].bias += middle
    (layout,) = architecture.layouts(parameters).values()
    torch.save({layout[key]: tensor for key, tensor in network.state_dict().items()}, tmp_path / "style.pth")
    picture = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    Image.fromarray(picture).save(tmp_path / "a.png")
    (card,) = imgtrans(tmp_path, "models", "import", "style.pth", "--json").splitlines()
    assert json.loads(card)["architecture"] == architecture.name
    imgtrans(tmp_path, "run", "a.png", "-m", "style", "-o", "b.png", "--tiling", tiling, "--device", "cpu")
    given = picture[:, :, ::-1].copy() if turned else picture
    made = network(torch.from_numpy(given).permute(2, 0, 1)[None] / 127.5 * reach - reach + middle)
    expected = (((made - middle) / reach + 1) * 127.5).clamp(0, 255)[0].permute(1, 2, 0).numpy()
    expected = expected[:, :, ::-1] if turned else expected
    assert expected.std() > 10
    assert np.abs(np.asarray(Image.open(tmp_path / "b.png")) - expected).max() <= 1
