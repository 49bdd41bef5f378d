"""The backend ``ncnn``: networks computed by ncnn."""

from typing import TYPE_CHECKING

from imgtrans.errors import UnavailableError
from imgtrans.sessions import ArraySession, difference
from imgtrans_ncnn.options import NcnnOptions

if TYPE_CHECKING:
    import torch
    from torch import nn

LIMIT = 2e-3  # how far values in [-1, 1] may be from the plain network's


class NcnnBackend:
    """Makes sessions of ncnn.

    Args:
        options: What the user says.
    """

    name = "ncnn"
    Options = NcnnOptions

    def __init__(self, options: NcnnOptions = NcnnOptions()) -> None:  # noqa: B008 - it is frozen
        self._options = options

    def configured(self, options: NcnnOptions) -> "NcnnBackend":
        """Return the backend with options."""
        return NcnnBackend(options)

    def open(self, network: "nn.Module", device: "torch.device", precision: "torch.dtype") -> ArraySession:
        """Convert a network, load it, and try whether it still computes what it did.

        Raises:
            UnavailableError: If it cannot be converted or loaded, or comes out differently.
        """
        import torch  # noqa: PLC0415 - what an option is called takes none of its seconds

        from imgtrans_ncnn.converting import converted  # noqa: PLC0415 - likewise
        from imgtrans_ncnn.runtime import loaded  # noqa: PLC0415 - likewise

        if device.type != "cpu":
            raise UnavailableError(
                f"ncnn does not compute on {device.type}", "leave the card to it: --device cpu -O ncnn.device=vulkan"
            )
        if precision is not torch.float32:
            raise UnavailableError("ncnn computes in float32", "leave --precision out, or say float32")
        compute = loaded(*converted(network), self._options)
        try:
            largest = difference(compute, network)
        except ValueError as error:
            raise UnavailableError(f"ncnn fails on a picture of noise: {error}") from error
        if not largest <= LIMIT:  # nor is NaN
            raise UnavailableError(f"what ncnn computes differs from the plain network by {largest:.1g}")
        return ArraySession(compute)


backend = NcnnBackend()
