"""What the tests of streaming share: networks with weights that matter, and a run over one map."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from imgtrans.architectures.family import architecture
from imgtrans.errors import ImageError
from imgtrans.protocols import Architecture, Parameters
from imgtrans.streaming.planning import Plan
from imgtrans.streaming.streamer import Streamer

SMALL: Parameters = {"channels": 3, "ngf": 4, "blocks": 2, "upsampling": "nearest"}


def network(parameters: Parameters, seed: int = 0, made_by: Architecture = architecture) -> nn.Module:
    torch.manual_seed(seed)
    made = made_by.build(parameters).eval()
    for parameter in made.parameters():
        parameter.data.normal_(0, 0.1)
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return made


def streamed(
    streamer: Streamer, x: Tensor, plan: Plan, scratch: Path, progress: Callable[[float], None] = lambda done: None
) -> Tensor:
    strips: list[Tensor] = []

    def sink(start: int, rows: Tensor) -> None:
        assert start == sum(strip.shape[2] for strip in strips)
        strips.append(rows.clone())

    streamer.run_maps(plan, lambda a, b: x[:, :, a:b], sink, scratch=scratch, progress=progress)
    return torch.cat(strips, dim=2)


@torch.inference_mode()
def whole(module: nn.Module, x: Tensor) -> Tensor:
    y: Tensor = module(x)
    return y


def least(streamer: Streamer, height: int, width: int, channels: int) -> int:
    """The smallest memory, to a tenth of what is for maps, in which a picture can be streamed."""
    memory = 1 << 10
    while True:
        try:
            streamer.plan(height, width, streamer.kernel_bytes + memory, channels=channels)
        except ImageError:
            memory += memory // 10
        else:
            return streamer.kernel_bytes + memory
