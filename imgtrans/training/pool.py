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
        self._ahead: _Ahead | None = None

    @property
    def is_full(self) -> bool:
        """Whether it has all that it keeps."""
        return len(self.images) == self.size

    def query(self, fakes: Tensor) -> Tensor:
        """Return as many fakes as were given, (N, C, H, W), some of them from the past."""
        if self.size == 0:
            return fakes
        if self._ahead:
            return self._ahead.query(fakes)
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

    def draw_ahead(self, count: int) -> None:
        """Draw what becomes of the next query of so many fakes, which then is the same work on the device each time.

        Only a full pool can do so. The numbers are those that :meth:`query` would draw, until :meth:`draw_in_time`.
        """
        if self.size == 0:
            return
        if self._ahead is None:
            self._ahead = _Ahead(torch.stack(self.images), count)
            self.images = [*self._ahead.images[: self.size]]
        rows, inside = [], dict[int, int]()  # where a fake of this query went
        for number in range(count):
            slot, past = self.size, self.random.random() < 0.5
            if past:
                slot = self.random.randrange(self.size)
            swapped = inside.get(slot) if past else number
            rows.append([swapped is None, slot, number if swapped is None else swapped, slot])
            if past:
                if slot in inside:
                    rows[inside[slot]][3] = self.size  # it stayed for a moment only
                inside[slot] = number
        self._ahead.plan.copy_(torch.tensor(rows).T)

    def draw_in_time(self) -> None:
        """Draw again when fakes are there."""
        self.images = [image.clone() for image in self.images]
        self._ahead = None

    def state_dict(self) -> dict[str, Any]:
        """Return images and random state, as tensors and plain values."""
        version, numbers, gauss = self.random.getstate()
        return {"images": [image.cpu() for image in self.images], "random": [version, list(numbers), gauss]}

    def load_state_dict(self, state: dict[str, Any], device: torch.device) -> None:
        """Go on exactly where the pool that gave ``state`` stopped."""
        self.images = [image.to(device) for image in state["images"]]
        version, numbers, gauss = state["random"]
        self.random.setstate((version, tuple(numbers), gauss))


class _Ahead:
    """A full pool as one tensor.

    Attributes:
        images: What it keeps, and one more, where goes what is not kept.
        plan: (4, N), for each fake: whether it is swapped for a past one, for which, which fake is shown if not, and
            where it goes.
    """

    def __init__(self, images: Tensor, count: int) -> None:
        self.images = torch.cat((images, images[:1]))
        self.plan = torch.zeros((4, count), dtype=torch.int64, device=images.device)

    def query(self, fakes: Tensor) -> Tensor:
        """Return what is shown, by the plan."""
        past, shown, new, kept = self.plan
        chosen = torch.where(past.bool()[:, None, None, None], self.images[shown], fakes[new])
        self.images.index_copy_(0, kept, fakes)
        return chosen
