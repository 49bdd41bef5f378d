"""A generator of another code base, known by its file alone, computes what it did there."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from imgtrans.architectures.dialects import DIALECTS
from imgtrans.architectures.family import architecture
from imgtrans.zoo.importing import import_checkpoint
from imgtrans.zoo.loading import load_network
from tests.architectures import foreign

NETWORKS = [pytest.param(build, parameters, id=name) for name, build, parameters in foreign.networks()]


def with_random_weights(network: nn.Module) -> nn.Module:
    """Fill a network with weights and statistics under which every layer matters."""
    draw = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, tensor in [*network.named_parameters(), *network.named_buffers()]:
            if name.endswith(("running_var", "original0")):
                tensor.uniform_(0.5, 1.5, generator=draw)
            elif tensor.is_floating_point() and not name.endswith("filt"):
                tensor.normal_(0.0, 0.3, generator=draw)
    return network.eval()


@pytest.mark.parametrize(("build", "parameters"), NETWORKS)
def test_an_imported_generator_computes_what_its_own_code_does(
    build: Callable[[], nn.Module], parameters: dict[str, object], tmp_path: Path
):
    theirs = with_random_weights(build())
    torch.save(theirs.state_dict(), tmp_path / "latest_net_G.pth")
    imported = import_checkpoint(tmp_path / "latest_net_G.pth", "theirs")
    assert imported.recognised.recognition.parameters == parameters
    model = imported.model
    ours = load_network(model)
    side = 2 * architecture.smallest(model.card.parameters)
    pictures = torch.rand(2, model.card.parameters["channels"], side, side + 16) * 2 - 1
    with torch.inference_mode():
        expected, found = theirs(pictures), ours(pictures)
    assert expected.std() > 0.01  # not saturated, so that a difference would show
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize(("name", "build", "assume"), [pytest.param(*each, id=each[0]) for each in foreign.variants()])
def test_what_weights_cannot_tell_can_be_said_and_is_then_right(
    name: str, build: Callable[[], nn.Module], assume: dict[str, str], tmp_path: Path
):
    theirs = with_random_weights(build())
    torch.save(theirs.state_dict(), tmp_path / "net.pth")
    pictures = torch.rand(2, 3, 32, 48) * 2 - 1
    with torch.inference_mode():
        expected = theirs(pictures)
        silently = load_network(import_checkpoint(tmp_path / "net.pth", "silently").model)(pictures)
        said = load_network(import_checkpoint(tmp_path / "net.pth", "said", assume=assume).model)(pictures)
    assert (silently - expected).abs().max() > 1e-3  # so it matters
    torch.testing.assert_close(said, expected, rtol=0, atol=2e-5)


def test_statistics_that_pytorch_uses_are_used(tmp_path: Path):
    theirs = with_random_weights(foreign.junyanz(norm=lambda n: nn.InstanceNorm2d(n, track_running_stats=True)))
    torch.save(theirs.state_dict(), tmp_path / "net.pth")
    imported = import_checkpoint(tmp_path / "net.pth", "net")
    assert imported.recognised.recognition.assumed["statistics"] == "running"
    pictures = torch.rand(1, 3, 32, 32) * 2 - 1
    torch.testing.assert_close(load_network(imported.model)(pictures), theirs(pictures), rtol=0, atol=2e-5)


def test_weight_normalisation_from_before_torch_2_is_read_too(tmp_path: Path):
    theirs = with_random_weights(foreign.Course(norm="weight"))
    old = {".parametrizations.weight.original0": ".weight_g", ".parametrizations.weight.original1": ".weight_v"}
    weights = theirs.state_dict()
    for new, before in old.items():
        weights = {key.replace(new, before): tensor for key, tensor in weights.items()}
    torch.save(weights, tmp_path / "old.pth")
    ours = load_network(import_checkpoint(tmp_path / "old.pth", "old").model)
    pictures = torch.rand(1, 3, 32, 32) * 2 - 1
    torch.testing.assert_close(ours(pictures), theirs(pictures), rtol=0, atol=1e-5)


def test_every_dialect_of_the_table_is_met_by_a_test():
    met = {
        architecture.recognise({key: tuple(tensor.shape) for key, tensor in build().state_dict().items()}).dialect
        for _, build, _ in foreign.networks()
    }
    assert met >= {dialect.name for dialect in DIALECTS}
    assert "carolineec/informative-drawings" in met
    assert "plain sequences (main; blocks of res)" in met  # others are called by what is in the file


@pytest.mark.parametrize(
    ("build", "padding", "norm"),
    [
        pytest.param(foreign.junyanz, "reflect", "instance", id="junyanz"),
        pytest.param(lambda: foreign.junyanz(pad=None), "zero", "instance", id="zero padding without layers"),
        pytest.param(lambda: foreign.junyanz(norm=foreign.batch, bias=False), "reflect", None, id="batch norm shows"),
        pytest.param(lambda: foreign.junyanz(norm=foreign.affine), "reflect", None, id="affine norm shows"),
        pytest.param(lambda: foreign.Course(norm="none"), "zero", "none", id="no norm is a course's default"),
    ],
)
def test_what_leaves_no_trace_is_assumed_and_said(
    build: Callable[[], nn.Module], padding: str | None, norm: str | None
):
    found = architecture.recognise({key: tuple(tensor.shape) for key, tensor in build().state_dict().items()})
    assert found is not None
    assert found.assumed.get("padding") == padding
    assert found.assumed.get("norm") == norm
    assert (found.assumed["value_range"], found.assumed["channel_order"]) == ([-1.0, 1.0], "RGB")
