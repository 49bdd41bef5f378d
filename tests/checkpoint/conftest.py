"""The weights that the files of these tests hold."""

import pytest
from torch import Tensor

from imgtrans.architectures.resnet import GeneratorResNet


@pytest.fixture
def weights(tiny_network: GeneratorResNet) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in tiny_network.state_dict().items()}
