"""Pictures to a device and back while it computes others: memory that it reads by itself, twice."""

from collections.abc import Callable

import torch
from torch import Tensor

from imgtrans.protocols import Pixels


def page_locked(shape: tuple[int, ...] | int, dtype: torch.dtype = torch.uint8) -> Tensor:
    """Return memory of the host that a device reads and writes by itself."""
    return torch.empty(shape, dtype=dtype, pin_memory=True)


class Slot:
    """Room for a batch on its way to a device and back; there are two, so that one moves while the other is computed.

    Args:
        device: The device.
        compute: The stream that it computes on.
        up: The stream for what goes there.
        down: The stream for what comes back.
    """

    def __init__(
        self, device: torch.device, compute: torch.cuda.Stream, up: torch.cuda.Stream, down: torch.cuda.Stream
    ) -> None:
        self._device, self._compute, self._up, self._down = device, compute, up, down
        new_event: Callable[[], torch.cuda.Event] = torch.cuda.Event
        self._uploaded, self._computed, self._downloaded = new_event(), new_event(), new_event()
        self._room: list[Tensor] = []
        self._shape: tuple[int, ...] = ()
        self._kind = torch.uint8

    def make_room(self, shape: tuple[int, ...], kind: torch.dtype) -> None:
        """Be for batches of a shape and type from now on; nothing may be under way."""
        size = torch.Size(shape).numel() * kind.itemsize
        if not self._room or self._room[0].numel() < size:
            self._room = []
            here = [page_locked(size) for _ in "ab"]
            there = [torch.empty(size, dtype=torch.uint8, device=self._device) for _ in "ab"]
            torch.cuda.current_stream(self._device).synchronize()
            self._room = [*here, *there]
        self._shape, self._kind = shape, kind

    @property
    def given(self) -> Tensor:
        """What went to the device, there."""
        return self._view(2)

    @property
    def made(self) -> Tensor:
        """Where the device puts what it makes of it."""
        return self._view(3)

    def put(self, pictures: Pixels) -> None:
        """Send pictures, as many as there is room for or fewer; the stream that computes waits for them."""
        staged = self._view(0)
        staged[: len(pictures)].copy_(torch.from_numpy(pictures))
        staged[len(pictures) :].zero_()
        with torch.cuda.stream(self._up):
            self.given.copy_(staged, non_blocking=True)
            self._uploaded.record()
        self._compute.wait_event(self._uploaded)

    def fetch(self) -> None:
        """Have what is made come back as soon as it is there."""
        self._computed.record(self._compute)
        with torch.cuda.stream(self._down):
            self._down.wait_event(self._computed)
            self._view(1).copy_(self.made, non_blocking=True)
            self._downloaded.record()

    def take(self, into: Pixels) -> None:
        """Wait for what comes back, and fill an array with the first of it."""
        self._downloaded.synchronize()
        torch.from_numpy(into).copy_(self._view(1)[: len(into)])

    def _view(self, which: int) -> Tensor:
        size = torch.Size(self._shape).numel() * self._kind.itemsize
        return self._room[which][:size].view(self._kind).view(self._shape)
