"""The reference backend: plain PyTorch, one operation after the other."""

import torch
from torch import nn

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
            given = torch.from_numpy(pictures).to(self._device)
            x, top = given.permute(0, 3, 1, 2).to(torch.float32), torch.iinfo(given.dtype).max
            with self._autocast:
                y = self._network(x.contiguous().div_(top / 2).sub_(1.0))
            if y.shape[2:] != x.shape[2:]:
                raise ValueError(
                    f"of pictures of {x.shape[3]}x{x.shape[2]} the network makes ones of {y.shape[3]}x{y.shape[2]}: "
                    "pad them to sides that it keeps"
                )
            y = y.float().add_(1.0).mul_(top / 2).round_().clamp_(0, top).to(given.dtype)
            result: Pixels = y.permute(0, 2, 3, 1).contiguous().cpu().numpy()
            return result
        except torch.OutOfMemoryError as error:
            torch.cuda.empty_cache()
            raise MemoryError(str(error)) from error
        except RuntimeError as error:
            if "can't allocate memory" in str(error):  # what the CPU's allocator says
                raise MemoryError(str(error)) from error
            raise


class EagerBackend:
    """Makes :class:`EagerSession`."""

    name = "eager"

    def open(self, network: nn.Module, device: torch.device, precision: torch.dtype) -> EagerSession:
        """Make a network ready."""
        return EagerSession(network, device, precision)


backend = EagerBackend()
