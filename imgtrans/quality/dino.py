"""The extractor that sees what pictures show, and where: DINOv2, a vision transformer, through timm."""

from typing import Any

import torch

from imgtrans.devices import choose_device
from imgtrans.errors import UnavailableError
from imgtrans.quality.extractor import WITH_WEIGHTS, Floats, Means
from imgtrans.quality.weights import check_fits, on_hub, weights_for

_ARCHITECTURE = "vit_small_patch14_dinov2"
_REFERENCE = f"hf://timm/{_ARCHITECTURE}.lvd142m/model.safetensors"
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def make(means: Means) -> "Dino":
    """Return the extractor with its weights; a file of them may be timm's or Meta's own.

    Raises:
        UnavailableError: If timm is not installed, or the weights cannot be fetched.
        ModelError: If a file does not hold them.
    """
    try:
        import timm  # noqa: PLC0415 - an extra
        from timm.models.vision_transformer import checkpoint_filter_fn  # noqa: PLC0415
    except ImportError as error:
        raise UnavailableError(
            f"--extractor {WITH_WEIGHTS[1]} needs timm", 'pip install "imgtrans[metrics]"'
        ) from error
    weights = weights_for(means, f"{_ARCHITECTURE}.safetensors", lambda: on_hub(_REFERENCE))
    network: Any = timm.create_model(_ARCHITECTURE, pretrained=False, num_classes=0, img_size=Dino.side)
    try:
        network.load_state_dict(checkpoint_filter_fn(weights, network))
    except (RuntimeError, KeyError, AttributeError, ValueError, TypeError) as error:
        raise check_fits(error, means, WITH_WEIGHTS[1]) from error
    return Dino(network, choose_device(means.device))


class Dino:
    """DINOv2's small transformer: its class token for a picture, the tokens of its patches for places."""

    name = WITH_WEIGHTS[1]
    side = 224

    def __init__(self, network: Any, device: torch.device) -> None:
        self._network = network.to(device).eval()
        self._device = device

    def features(self, squares: Floats) -> Floats:
        """Return features (N, 384) of pictures (N, 224, 224, 3) with values from 0 to 255."""
        return self._tokens(squares)[:, 0]

    def places(self, squares: Floats) -> Floats:
        """Return features (N, 256, 384) of patches of 14x14 pixels."""
        return self._tokens(squares)[:, self._network.num_prefix_tokens :]

    @torch.no_grad()
    def _tokens(self, squares: Floats) -> Floats:
        seen = torch.from_numpy(squares).to(self._device).permute(0, 3, 1, 2) / 255
        mean, deviation = (torch.tensor(each, device=self._device)[:, None, None] for each in (_MEAN, _DEVIATION))
        made: Floats = self._network.forward_features((seen - mean) / deviation).float().cpu().numpy()
        return made
