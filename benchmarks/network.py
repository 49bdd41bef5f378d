"""The network alone: plain PyTorch against what ``--backend auto`` makes of it; rows of ``python -m benchmarks``."""

import numpy as np
import torch

from benchmarks.pairs import Row, in_turn, timed
from imgtrans.architectures.family import architecture
from imgtrans.architectures.resnet import weights_init_normal
from imgtrans.opening import open_network

CPU = torch.device("cpu")


def network_row(ngf: int, blocks: int, upsampling: str, side: int, wanted: float, rounds: int) -> Row:
    """Measure sessions over one square picture."""
    torch.manual_seed(0)
    parameters = {"channels": 3, "ngf": ngf, "blocks": blocks, "upsampling": upsampling}
    plain = architecture.build(parameters).apply(weights_init_normal).eval().requires_grad_(False)
    opened = open_network("auto", plain, CPU, torch.float32)
    eager = open_network("eager", plain, CPU, torch.float32).session
    picture = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), np.uint8)
    apart = np.abs(eager.run(picture).astype(int) - opened.session.run(picture))
    pairs = in_turn(
        lambda: timed(lambda: eager.run(picture)), lambda: timed(lambda: opened.session.run(picture)), rounds
    )
    note = f"{opened.backend}; {np.count_nonzero(apart)} of {apart.size:,} values differ, by {apart.max()} at most"
    name = f"network, width {ngf}, {blocks} blocks, {upsampling}, {side}x{side}"
    return Row(name, "eager", pairs, wanted, note)
