"""The pool of past fakes that steadies a discriminator."""

import random
from typing import Any

import torch
from torch import Tensor


class ImagePool:
    """Hands a discriminator a mix of new and past fakes.

    Source: Zhu et al., ICCV 2017, section 4, after Shrivastava et al., CVPR 2017. Until the pool is
    full each fake goes in and out; then each is, with probability one half, swapped for a past one.

    Args:
        size: Fakes kept; 0 hands every fake straight through.
        seed: Of the pool's own random numbers.
    """

    def __init__(self, size: int, seed: int) -> None:
        self.size = size
        self.images: list[Tensor] = []
        self.random = random.Random(seed)

    def query(self, fakes: Tensor) -> Tensor:
        """Return as many fakes as were given, (N, C, H, W), some of them from the past."""
        if self.size == 0:
            return fakes
        chosen = []
        for fake in fakes:
            if len(self.images) < self.size:
                self.images.append(fake.clone())
                chosen.append(fake)
            elif self.random.random() < 0.5:
                slot = self.random.randrange(self.size)
                chosen.append(self.images[slot])
                self.images[slot] = fake.clone()
            else:
                chosen.append(fake)
        return torch.stack(chosen)

    def state_dict(self) -> dict[str, Any]:
        """Return images and random state, as tensors and plain values."""
        version, numbers, gauss = self.random.getstate()
        return {"images": [image.cpu() for image in self.images], "random": [version, list(numbers), gauss]}

    def load_state_dict(self, state: dict[str, Any], device: torch.device) -> None:
        """Go on exactly where the pool that gave ``state`` stopped."""
        self.images = [image.to(device) for image in state["images"]]
        version, numbers, gauss = state["random"]
        self.random.setstate((version, tuple(numbers), gauss))
