"""A network as an ONNX model whose batch and sides are open."""

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

import torch
from torch import nn
from torch.export import Dim

from imgtrans.errors import UnavailableError
from imgtrans.sessions import side_of

INPUT, OUTPUT = "pictures", "translated"
OPSET = 18  # what PyTorch's exporter is made for


def exported(network: nn.Module) -> bytes:
    """Return a network, which maps (N, 3, H, W) in [-1, 1] to the same, as ONNX.

    Raises:
        UnavailableError: If PyTorch's exporter cannot.
    """
    try:
        side = side_of(network)
        # Two sizes that differ: what is the same would be taken for one and the same.
        example = torch.zeros(2, 3, side, 2 * side)
        with _quiet():
            program = torch.onnx.export(
                network,
                (example,),
                dynamo=True,
                dynamic_shapes=({0: Dim.AUTO, 2: Dim.AUTO, 3: Dim.AUTO},),
                input_names=[INPUT],
                output_names=[OUTPUT],
                opset_version=OPSET,
                verbose=False,
            )
    except Exception as error:  # the exporter raises whatever it meets
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UnavailableError(f"the network cannot be exported to ONNX: {first}") from error
    assert program is not None
    content: bytes = program.model_proto.SerializeToString()
    return content


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep PyTorch's exporter from speaking to the user, who can do nothing about what it says."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
