"""A checkpoint comes into the zoo tried, with a card that says what it is."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from imgtrans import registry
from imgtrans.architectures.family import architecture
from imgtrans.architectures.parameters import ResNetParameters
from imgtrans.architectures.resnet import GeneratorResNet, ResNet
from imgtrans.errors import FilesError, ModelError, UnavailableError, UsageError
from imgtrans.protocols import Recognition
from imgtrans.zoo import store
from imgtrans.zoo.importing import import_checkpoint
from imgtrans.zoo.loading import find_model, load_network
from imgtrans.zoo.store import Model


def test_an_imported_checkpoint_is_a_model_with_a_card(tiny_weights: Path, tiny_network: GeneratorResNet):
    imported = import_checkpoint(tiny_weights, "mine", source="day", target="night", licence="CC0", working_size=640)
    model = imported.model
    assert find_model("mine") == model
    card = model.card
    assert (card.source, card.target, card.licence, card.working_size) == ("day", "night", "CC0", 640)
    assert card.architecture == "resnet"
    read = {"channels": 3, "ngf": 4, "blocks": 1, "upsampling": "nearest"}
    assert card.parameters.items() >= {**read, "padding": "reflect", "head": "tanh", "norm": "instance"}.items()
    assert card.parameters.keys() - read <= imported.recognised.recognition.assumed.keys()  # which stands there, too
    assert -1 <= imported.lowest < imported.highest <= 1
    assert tiny_weights.name in card.provenance
    expected = tiny_network.state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in load_network(model).state_dict().items())


def test_a_refused_import_leaves_nothing_in_the_zoo(tmp_path: Path, tiny: Model):
    (tmp_path / "w.pth").write_text("<html>")
    with pytest.raises(ModelError):
        import_checkpoint(tmp_path / "w.pth", "mine")
    assert [path.name for path in store.models_folder().iterdir()] == ["tiny"]


def test_an_import_cannot_take_a_name_that_is_taken_or_none(tiny: Model):
    with pytest.raises(FilesError, match="'tiny' is in the zoo already"):
        import_checkpoint(tiny.weights, "tiny")
    with pytest.raises(UsageError):
        import_checkpoint(tiny.weights, "../tiny")


def test_other_terms_stand_on_the_card_and_a_network_of_a_container_is_taken(
    tiny_network: GeneratorResNet, tmp_path: Path
):
    torch.save({"G_AB": tiny_network.state_dict(), "G_BA": tiny_network.state_dict()}, tmp_path / "both.pth")
    assume = {"channel_order": "BGR", "value_range": "0,1", "padding": "replicate"}
    model = import_checkpoint(tmp_path / "both.pth", "one", network="G_BA", assume=assume).model
    assert (model.card.channel_order, model.card.value_range) == ("BGR", (0.0, 1.0))
    assert model.card.parameters["padding"] == "replicate"
    assert find_model("one").card == model.card


def test_a_network_that_makes_no_numbers_is_not_taken(tiny_network: GeneratorResNet, tmp_path: Path):
    weights = {name: tensor.clone() for name, tensor in tiny_network.state_dict().items()}
    weights["model.1.weight"].fill_(3e38)  # each of them finite
    torch.save(weights, tmp_path / "broken.pth")
    with pytest.raises(ModelError, match="makes numbers that are not finite"):
        import_checkpoint(tmp_path / "broken.pth", "broken")
    assert "broken" not in store.names()


def test_a_network_that_makes_no_picture_is_not_taken(tiny_weights: Path, monkeypatch: pytest.MonkeyPatch):
    class Smaller(GeneratorResNet):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x)[:, :, ::2]

    monkeypatch.setattr(type(architecture), "build", lambda self, parameters: Smaller((3, 0, 0), 1, ngf=4))
    with pytest.raises(ModelError, match="something else than a picture"):
        import_checkpoint(tiny_weights, "smaller")


def test_a_file_whose_default_looks_wrong_says_so_and_a_natural_one_does_not(tmp_path: Path):
    weights = load_network(store.find("winter2summer")).state_dict()
    torch.save(weights, tmp_path / "right.pth")
    assert import_checkpoint(tmp_path / "right.pth", "right").doubts == ()
    assert import_checkpoint(tmp_path / "right.pth", "wrong", assume={"norm": "none"}).doubts


@pytest.mark.parametrize(("channels", "channels_out", "said"), [(4, 0, "4 channels"), (6, 3, "6 to 3 channels")])
def test_what_could_not_be_run_is_not_taken(channels: int, channels_out: int, said: str, tmp_path: Path):
    parameters = ResNetParameters(channels, 4, 1, "nearest", channels_out=channels_out)
    torch.save(ResNet(parameters).state_dict(), tmp_path / "w.pth")
    with pytest.raises(ModelError, match=f"is for pictures of {said}, neither RGB nor gray"):
        import_checkpoint(tmp_path / "w.pth", "mine")
    assert store.names() == [model.name for model in store.models() if model.bundled]


def test_kernels_of_nothing_but_zeros_are_told(tiny_network: GeneratorResNet, tmp_path: Path):
    weights = {name: torch.zeros_like(tensor) for name, tensor in tiny_network.state_dict().items()}
    torch.save(weights, tmp_path / "w.pth")
    imported = import_checkpoint(tmp_path / "w.pth", "mine")
    assert imported.zeros == tuple(name for name in weights if name.endswith("weight"))
    torch.save(tiny_network.state_dict(), tmp_path / "w.pth")
    assert import_checkpoint(tmp_path / "w.pth", "other").zeros == ()


class Odd:
    """An architecture of a plugin: one convolution of a name that nobody else has."""

    name = "odd"

    def recognise(self, shapes: Mapping[str, tuple[int, ...]]) -> Recognition | None:
        return Recognition({}, {"weight": "odd.weight"}) if shapes.keys() == {"odd.weight"} else None

    def build(self, parameters: object) -> torch.nn.Module:
        return torch.nn.Conv2d(3, 3, 1, bias=False)

    def multiple(self, parameters: object) -> int:
        return 1

    smallest = multiple

    def layouts(self, parameters: object) -> dict[str, dict[str, str]]:
        return {}

    def bytes_per_pixel(self, parameters: object) -> float:
        return 24.0

    def examples(self) -> list[object]:
        return [{}]


def test_a_model_whose_plugin_is_gone_names_the_package_that_had_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    dist = SimpleNamespace(metadata={"Name": "imgtrans-odd", "Version": "1"})
    point = SimpleNamespace(name="odd", value="odd:it", dist=dist, load=Odd)
    torch.save({"odd.weight": torch.ones(3, 3, 1, 1)}, tmp_path / "w.pth")
    registry.implementations.cache_clear()
    with monkeypatch.context() as patched:
        patched.setattr(registry, "entry_points", lambda group: [point] if group.endswith("architectures") else [])
        assert import_checkpoint(tmp_path / "w.pth", "mine").model.card.package == "imgtrans-odd"
    registry.implementations.cache_clear()
    with pytest.raises(UnavailableError, match="there is no 'odd' among the architectures") as refusal:
        load_network(store.find("mine"))
    assert refusal.value.hint == "it came with the package imgtrans-odd: pip install imgtrans-odd"
