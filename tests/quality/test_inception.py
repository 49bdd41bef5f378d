"""Inception through torch-fidelity: its own features, from weights that were read safely."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch

from imgtrans.errors import ModelError
from imgtrans.quality.extractor import Means, make_extractor

library = pytest.importorskip(
    "torch_fidelity.feature_extractor_inceptionv3", reason="the extra metrics is not installed"
)


class Blank(library.FeatureExtractorInceptionV3):  # type: ignore[misc, name-defined]
    """The network as it is before it has weights."""

    def __init__(self) -> None:
        nothing = io.BytesIO()
        torch.save({}, nothing)
        nothing.seek(0)
        super().__init__("blank", ["2048"], feature_extractor_weights_path=nothing)
        for layer in self.modules():
            if isinstance(layer, torch.nn.Conv2d):  # so that something comes out at the end
                torch.nn.init.kaiming_normal_(layer.weight)

    def load_state_dict(self, *_: object, **__: object) -> None:  # type: ignore[override]
        pass


@pytest.fixture(scope="module")
def network() -> Blank:
    torch.manual_seed(3)
    return Blank()


def test_features_are_those_of_the_library(network: Blank, tmp_path: Path):
    torch.save(network.state_dict(), tmp_path / "inception.pth")
    extractor = make_extractor("inception", Means(weights=tmp_path / "inception.pth", device="cpu"))
    assert (extractor.name, extractor.side) == ("inception", 299)
    squares = np.random.default_rng(0).integers(0, 256, (2, 299, 299, 3)).astype(np.float32)
    (theirs,) = network(torch.from_numpy(squares).permute(0, 3, 1, 2).to(torch.uint8))
    assert extractor.features(squares).shape == (2, 2048)
    assert theirs.std() > 0.01
    assert np.allclose(extractor.features(squares), theirs.numpy(), rtol=1e-4, atol=1e-5)


def test_weights_of_another_network_are_refused(tiny_weights: Path):
    with pytest.raises(ModelError, match="does not hold the weights of inception"):
        make_extractor("inception", Means(weights=tiny_weights, device="cpu"))
