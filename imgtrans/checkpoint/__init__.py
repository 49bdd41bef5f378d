"""Files to weights: the networks of safetensors and PyTorch files, read safely, and written as safetensors."""

from imgtrans.checkpoint.discriminators import describe_network
from imgtrans.checkpoint.reading import read_header, read_networks, read_weights, shapes_of
from imgtrans.checkpoint.refusals import READABLE
from imgtrans.checkpoint.writing import content_of, write_weights

__all__ = [
    "READABLE",
    "content_of",
    "describe_network",
    "read_header",
    "read_networks",
    "read_weights",
    "shapes_of",
    "write_weights",
]
