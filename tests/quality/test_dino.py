"""DINOv2 through timm: a picture as a whole, and its places; fetched from a Hub, or a file in either spelling."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from imgtrans.checkpoint import write_weights
from imgtrans.errors import ModelError
from imgtrans.quality.extractor import LooksAtPlaces, Means, make_extractor
from tests.zoo.server import Server, file

timm = pytest.importorskip("timm", reason="the extra metrics is not installed")
huggingface_hub = pytest.importorskip("huggingface_hub", reason="the extra metrics is not installed")

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPOSITORY = "timm/vit_small_patch14_dinov2.lvd142m"


@pytest.fixture(scope="module")
def network() -> Any:
    """The network with weights of its own, of the size that the pretrained one has."""
    torch.manual_seed(3)
    return timm.create_model("vit_small_patch14_dinov2", pretrained=False, num_classes=0, img_size=518).eval()


@pytest.fixture(scope="module")
def weights(network: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dino") / "model.safetensors"
    write_weights(network.state_dict(), path)
    return path


def test_it_sees_a_picture_and_its_places_as_timm_does(weights: Path, network: Any):
    extractor = make_extractor("dino", Means(weights=weights, device="cpu"))
    assert isinstance(extractor, LooksAtPlaces)
    squares = np.random.default_rng(0).uniform(0, 255, (2, 224, 224, 3)).astype(np.float32)
    assert extractor.features(squares).shape == (2, 384)
    assert extractor.places(squares).shape == (2, 256, 384)
    plain = timm.create_model("vit_small_patch14_dinov2", pretrained=False, num_classes=0, img_size=224).eval()
    plain.load_state_dict(timm.models.vision_transformer.checkpoint_filter_fn(network.state_dict(), plain))
    normalised = timm.data.create_transform(
        (3, 224, 224), mean=plain.pretrained_cfg["mean"], std=plain.pretrained_cfg["std"]
    )
    seen = normalised.transforms[-1](torch.from_numpy(squares).permute(0, 3, 1, 2) / 255)
    with torch.no_grad():
        assert np.allclose(extractor.features(squares), plain(seen).numpy(), atol=1e-4)


def test_metas_own_spelling_is_read_too(weights: Path, network: Any, tmp_path: Path):
    theirs = network.state_dict() | {"mask_token": torch.zeros(1, 384)}
    torch.save(theirs, tmp_path / "dinov2_vits14_pretrain.pth")
    squares = np.random.default_rng(0).uniform(0, 255, (1, 224, 224, 3)).astype(np.float32)
    both = [
        make_extractor("dino", Means(weights=path, device="cpu")).features(squares)
        for path in (weights, tmp_path / "dinov2_vits14_pretrain.pth")
    ]
    assert np.allclose(*both, atol=1e-4)


def test_its_weights_come_from_the_hub_once(server: Server, home: Path, weights: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_ENDPOINT", server.address)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(home / "token"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    content = weights.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    sibling = {"rfilename": "model.safetensors", "lfs": {"size": len(content), "sha256": digest, "pointerSize": 1}}
    info = {"id": REPOSITORY, "modelId": REPOSITORY, "sha": COMMIT, "siblings": [sibling], "tags": [], "private": False}
    server.serve(
        f"/api/models/{REPOSITORY}", file(json.dumps(info).encode(), headers={"Content-Type": "application/json"})
    )
    server.serve(f"/{REPOSITORY}/resolve/{COMMIT}/model.safetensors", file(content))
    for _ in range(2):
        make_extractor("dino", Means(device="cpu"))
    huggingface_hub.close_session()
    assert len(server.requests) == 2


def test_weights_of_another_network_are_refused(tiny_weights: Path):
    with pytest.raises(ModelError, match="does not hold the weights of dino"):
        make_extractor("dino", Means(weights=tiny_weights, device="cpu"))
