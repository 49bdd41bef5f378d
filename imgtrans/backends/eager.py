"""The reference backend: plain PyTorch, one operation after the other."""

import torch
from torch import nn

from imgtrans.devices import forget_memory, is_wide
from imgtrans.errors import ModelError
from imgtrans.isolation.blame import strangers
from imgtrans.protocols import Interrupted, Pixels


class EagerSession:
    """A network on a device, in one precision.

    Args:
        network: Maps (N, 3, H, W) in [-1, 1] to the same.
        device: Where it computes.
        precision: float32, or bfloat16 through autocast.
    """

    def __init__(self, network: nn.Module, device: torch.device, precision: torch.dtype) -> None:
        self._network = network.to(device).eval()
        self._device = device
        self._interrupted = False
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                module.register_forward_pre_hook(self._look_up)
        self._autocast = torch.autocast(device.type, precision, enabled=precision is not torch.float32)

    def interrupt(self) -> None:
        """End a run in another thread before its next convolution; see :class:`imgtrans.protocols.Interruptible`."""
        self._interrupted = True

    def _look_up(self, *_: object) -> None:
        if self._interrupted:
            raise Interrupted

    @torch.inference_mode()
    def run(self, pictures: Pixels) -> Pixels:
        """Translate pictures (N, H, W, 3), 0 to 255 (uint8) or 0 to 65535 (uint16), to the same shape and type.

        Raises:
            MemoryError: If the batch does not fit into memory.
            ValueError: If the network makes pictures of another size of these; see
                :class:`imgtrans.protocols.Session`.
        """
        self._look_up()
        try:
            # Bytes cross to the device, not floats: a quarter of the traffic.
            given = torch.from_numpy(pictures)
            kind, top = given.dtype, torch.iinfo(given.dtype).max
            x = self._crossed(given).permute(0, 3, 1, 2).to(torch.float32)
            with self._autocast:
                y = self._network(x.contiguous().div_(top / 2).sub_(1.0))
            self._check(x, y)
            y = y.float().add_(1.0).mul_(top / 2).round_().clamp_(0, top)
            made = y.permute(0, 2, 3, 1).to(kind if self._has(kind) else torch.float32).contiguous().cpu()
            result: Pixels = made.to(kind).numpy()
            return result
        except torch.OutOfMemoryError as error:
            forget_memory(self._device)
            raise MemoryError(str(error)) from error
        except RuntimeError as error:
            if "can't allocate memory" in str(error):  # what the CPU's allocator says
                raise MemoryError(str(error)) from error
            raise

    def _has(self, kind: torch.dtype) -> bool:
        return kind is torch.uint8 or is_wide(self._device)

    def _crossed(self, given: torch.Tensor) -> torch.Tensor:
        """Return pictures on the device, as floats where it has no whole numbers like theirs."""
        return (given if self._has(given.dtype) else given.float()).to(self._device)

    def _check(self, x: torch.Tensor, y: object) -> None:
        """Make sure that the network has made pictures of pictures.

        Raises:
            ModelError: If it has made something else.
            ValueError: If they are of another size.
        """
        who = f"the network{strangers(map(type, self._network.modules()))}"
        if not isinstance(y, torch.Tensor) or y.ndim != x.ndim or y.shape[:2] != x.shape[:2]:
            made = "x".join(map(str, y.shape)) if isinstance(y, torch.Tensor) else type(y).__name__
            raise ModelError(f"of {'x'.join(map(str, x.shape))} numbers {who} makes {made}, which are no pictures")
        if y.shape != x.shape:
            raise ValueError(
                f"of pictures of {x.shape[3]}x{x.shape[2]} the network makes ones of {y.shape[3]}x{y.shape[2]}: "
                "pad them to sides that it keeps"
            )
        if not torch.isfinite(y).all():
            raise ModelError(f"{who} makes numbers that are not finite")


class EagerBackend:
    """Makes :class:`EagerSession`."""

    name = "eager"

    def open(self, network: nn.Module, device: torch.device, precision: torch.dtype) -> EagerSession:
        """Make a network ready."""
        return EagerSession(network, device, precision)


backend = EagerBackend()
