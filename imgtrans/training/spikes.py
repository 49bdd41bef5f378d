"""A penalty on the spikes by which a generator steers its instance normalisation."""

import torch
from torch import Tensor, nn

from imgtrans.architectures.resnet import ResidualBlock
from imgtrans.training.quick.maps import is_here, mean_excess
from imgtrans.training.quick.onmaps import BlockOnMaps

# Of 1,024 numbers from a normal distribution the largest is 3.3; features are rarer than that, spikes are 15 to 30.
_USUAL = 5.0
_EPSILON = 1e-5


class SpikePenalty:
    """Watches the residual blocks of generators while they are trained.

    A network with instance normalisation can make a few places of a map so large that all others become small: what it
    cannot say to normalisation directly it says by such a spike, and where the spike is, the picture has a dark blot.
    Source: the "droplets" of Karras et al., "Analyzing and improving the image quality of StyleGAN", CVPR 2020, who
    change the network; here the network stays, and the spike is made to cost.

    Args:
        generators: The generators whose residual blocks are watched, until :meth:`close`.
    """

    def __init__(self, *generators: nn.Module) -> None:
        blocks = [
            block for generator in generators for block in generator.modules() if isinstance(block, ResidualBlock)
        ]
        self._handles = [block.register_forward_hook(self._watch) for block in blocks]
        self._found: list[Tensor] = []

    def take(self) -> Tensor | float:
        """Return the penalty of the forward passes since the last call: the mean square of what is beyond the usual."""
        penalty = torch.stack(self._found).mean() if self._found else 0.0
        self._found.clear()
        return penalty

    def close(self) -> None:
        """End watching."""
        for handle in self._handles:
            handle.remove()

    def _watch(self, block: nn.Module, inputs: object, output: Tensor) -> None:
        if not torch.is_grad_enabled():  # a grid for people to look at
            return
        if isinstance(block, BlockOnMaps) and is_here(output):
            self._found.append(mean_excess(output, _USUAL, _EPSILON))
            return
        features = output.float()
        deviation, mean = torch.std_mean(features, dim=(2, 3), keepdim=True, correction=0)
        excess = ((features - mean) / (deviation + _EPSILON)).abs() - _USUAL
        self._found.append(excess.relu().square().mean())


def watched(generator: nn.Module, pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Return what a generator makes of pictures, and the penalty on the spikes in that pass."""
    spikes = SpikePenalty(generator)
    try:
        return generator(pictures), torch.as_tensor(spikes.take(), device=pictures.device)
    finally:
        spikes.close()
