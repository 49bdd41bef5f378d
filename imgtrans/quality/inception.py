"""The extractor that the literature's FID and KID are seen by: Inception of 2015, through torch-fidelity."""

import io

import torch
from torch import nn

from imgtrans.devices import choose_device
from imgtrans.errors import UnavailableError
from imgtrans.quality.extractor import WITH_WEIGHTS, Floats, Means
from imgtrans.quality.weights import at_url, check_fits, weights_for

_HEAD = "fc"


def make(means: Means) -> "Inception":
    """Return the extractor with its weights.

    Raises:
        UnavailableError: If torch-fidelity is not installed, or the weights cannot be fetched.
        ModelError: If a file does not hold them.
    """
    try:
        from torch_fidelity import feature_extractor_inceptionv3 as library  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise UnavailableError(
            f"--extractor {WITH_WEIGHTS[0]} needs torch-fidelity", 'pip install "imgtrans[metrics]"'
        ) from error
    url = library.URL_INCEPTION_V3
    weights = weights_for(means, url.rpartition("/")[2], lambda: at_url(url))
    file = io.BytesIO()
    torch.save(weights, file)  # the library unpickles whatever it is given: it is given what was just written here
    file.seek(0)
    try:
        network = library.FeatureExtractorInceptionV3(WITH_WEIGHTS[0], ["2048"], feature_extractor_weights_path=file)
    except (RuntimeError, TypeError, ValueError) as error:
        raise check_fits(error, means, WITH_WEIGHTS[0]) from error
    return Inception(network, choose_device(means.device))


class Inception:
    """The features before the last layer, of pictures that clean-fid's filter has scaled, not the network's own."""

    name = WITH_WEIGHTS[0]
    side = 299

    def __init__(self, network: nn.Module, device: torch.device) -> None:
        layers = [layer for name, layer in network.named_children() if name != _HEAD]  # in the order of their use
        self._network = nn.Sequential(*layers, nn.Flatten()).to(device).eval()
        self._device = device

    @torch.no_grad()
    def features(self, squares: Floats) -> Floats:
        """Return features (N, 2048) of pictures (N, 299, 299, 3) with values from 0 to 255."""
        seen = (torch.from_numpy(squares).to(self._device).permute(0, 3, 1, 2) - 128) / 128
        made: Floats = self._network(seen).float().cpu().numpy()
        return made
