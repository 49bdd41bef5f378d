"""A network that is an ONNX graph, as a module of PyTorch: ONNX Runtime computes it, one picture after the other."""

from typing import Any

import torch
from torch import Tensor, nn

from imgtrans_onnx import graph
from imgtrans_onnx.runtime import opened


class OnnxNetwork(nn.Module):
    """An ONNX graph with its weights.

    Args:
        text: The graph, as :func:`imgtrans_onnx.graph.divided` gives it.
        channels_out: Of the pictures that come out.
        last: Whether the graph has channels last.

    Attributes:
        provider: What ONNX Runtime computes with, and on which of several cards; before the first picture it can be
            changed.
        threads: On a CPU; 0 is as many as PyTorch takes.

    Shape:
        (N, C, H, W) to (N, channels_out, H, W).

    Raises:
        ValueError: If the text is no graph.
    """

    def __init__(self, text: object, channels_out: int, *, last: bool) -> None:
        super().__init__()
        self._model = graph.skeleton(text)
        self._channels_out, self._last = channels_out, last
        self.weights = nn.ParameterList(
            nn.Parameter(torch.zeros(shape), requires_grad=False) for shape in graph.shapes(self._model)
        )
        self.provider, self.threads = ("cpu", 0), 0
        self._session: Any = None

    def forward(self, x: Tensor) -> Tensor:
        """Translate a batch of pictures.

        Raises:
            ValueError: If the graph does not take pictures of this size.
        """
        if x.is_meta:
            return x.new_empty(x.shape[0], self._channels_out, *x.shape[2:])
        if self._session is None:
            whole = graph.joined(self._model, [weight.detach().cpu().numpy() for weight in self.weights])
            self._session = opened(whole, *self.provider, self.threads or torch.get_num_threads())
        made = [self._one(picture) for picture in torch.split(x.detach().to("cpu", torch.float32), 1)]
        return torch.cat(made).to(x.device)

    def _one(self, picture: Tensor) -> Tensor:
        given = picture.permute(0, 2, 3, 1) if self._last else picture
        names = [one.name for one in self._session.get_outputs()[:1]], self._session.get_inputs()[0].name
        try:
            (made,) = self._session.run(names[0], {names[1]: given.contiguous().numpy()})
        except Exception as error:  # ONNX Runtime has exceptions of its own for everything
            if "alloc" in str(error).lower():
                raise MemoryError(str(error)) from error
            raise ValueError(f"ONNX Runtime: {str(error).strip().splitlines()[0]}") from error
        result = torch.from_numpy(made)
        return result.permute(0, 3, 1, 2) if self._last else result

    def __getstate__(self) -> dict[str, Any]:
        """Return what copies are made of: all but the session, of which each has its own."""
        return {**self.__dict__, "_session": None}
