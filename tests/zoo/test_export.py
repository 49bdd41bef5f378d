"""An exported file computes what the model computes, or it is not there."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from imgtrans import checkpoint
from imgtrans.architectures.resnet import GeneratorResNet
from imgtrans.card import Card
from imgtrans.errors import FilesError, ModelError, UsageError
from imgtrans.files import sha256_of
from imgtrans.zoo import export as exporting
from imgtrans.zoo import programs
from imgtrans.zoo.architecture import architecture_of
from imgtrans.zoo.export import TOLERANCE, export
from imgtrans.zoo.importing import import_checkpoint
from imgtrans.zoo.loading import find_model, load_network
from imgtrans.zoo.store import Model, install
from tests.architectures import foreign

TRANSPOSE = {"channels": 3, "ngf": 4, "blocks": 2, "upsampling": "transpose"}


@pytest.fixture
def transposed(tmp_path: Path) -> Model:
    """A generator that junyanz's code can build, too."""
    torch.manual_seed(0)
    path = tmp_path / "weights.safetensors"
    checkpoint.write_weights(GeneratorResNet((3, 0, 0), 2, ngf=4, upsampling="transpose").state_dict(), path)
    return Model(Card("transposed", "", "", "resnet", dict(TRANSPOSE), ""), path)


def same(one: nn.Module, other: nn.Module) -> bool:
    pictures = torch.rand(2, 3, 24, 32) * 2 - 1
    with torch.inference_mode():
        return torch.equal(one(pictures), other(pictures))


@pytest.mark.parametrize("to", ["safetensors", "pth"])
def test_a_state_dict_in_the_decks_layout_loads_into_the_decks_generator(
    tiny: Model, tiny_network: GeneratorResNet, tmp_path: Path, to: str
):
    done = export(tiny, tmp_path / "file", to)
    assert (done.layout, done.largest) == ("deck", 0.0)
    assert [(d.batch, d.height, d.width) for d in done.differences] == [(1, 64, 64), (2, 96, 128)]
    weights = checkpoint.read_weights(tmp_path / "file")
    assert weights.keys() == tiny_network.state_dict().keys()
    deck = GeneratorResNet((3, 0, 0), 1, ngf=4)
    deck.load_state_dict(weights, strict=True)
    assert same(deck.eval(), tiny_network)


def test_a_state_dict_in_junyanzs_layout_loads_into_junyanzs_generator(transposed: Model, tmp_path: Path):
    done = export(transposed, tmp_path / "netG.pth", "pth", layout="junyanz")
    assert (done.layout, done.largest) == ("junyanz", 0.0)
    theirs = foreign.junyanz(blocks=2)
    theirs.load_state_dict(torch.load(tmp_path / "netG.pth", weights_only=True), strict=True)
    assert same(theirs.eval(), load_network(transposed))


@pytest.mark.parametrize("layout", ["deck", "junyanz"])
def test_an_exported_state_dict_can_be_imported_again(transposed: Model, tmp_path: Path, layout: str):
    export(transposed, tmp_path / "again.pth", "pth", layout=layout)
    again = find_model(str(tmp_path / "again.pth"))
    assert TRANSPOSE.items() <= again.card.parameters.items()
    assert same(load_network(again), load_network(transposed))


def test_half_precision_is_exported_in_float32(tiny: Model, tiny_network: GeneratorResNet, tmp_path: Path):
    checkpoint.write_weights({key: tensor.half() for key, tensor in tiny_network.state_dict().items()}, tiny.weights)
    tiny = replace(tiny, card=replace(tiny.card, sha256=sha256_of(tiny.weights)))
    export(tiny, tmp_path / "file.pth", "pth")
    assert {tensor.dtype for tensor in checkpoint.read_weights(tmp_path / "file.pth").values()} == {torch.float32}


def test_a_layout_that_cannot_say_a_network_is_refused(tiny: Model, tmp_path: Path):
    with pytest.raises(UsageError, match="'tiny' cannot be laid out as 'junyanz'") as refusal:
        export(tiny, tmp_path / "file.pth", "pth", layout="junyanz")
    assert "has no network of upsampling nearest" in refusal.value.message
    assert refusal.value.hint == "its layouts are deck"
    with pytest.raises(UsageError, match="'tiny' cannot be laid out as 'imgtrans': its keys alone do not say"):
        export(tiny, tmp_path / "file.pth", "pth", layout="imgtrans")


def test_a_network_that_no_layout_can_say_is_left_to_other_formats(
    tiny: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    architecture = architecture_of(tiny.card)
    monkeypatch.setattr(type(architecture), "layouts", lambda self, parameters: {})
    with pytest.raises(ModelError, match="'tiny' has no layout that others read"):
        export(tiny, tmp_path / "file.pth", "pth")


def of_a_course() -> dict[str, object]:
    return {"channels": 3, "ngf": 4, "blocks": 2, "upsampling": "transpose", "stem": False, "kernel": 4, "depth": 3}


@pytest.mark.parametrize(
    ("parameters", "layout"),
    [
        (of_a_course(), "imgtrans"),
        (dict(TRANSPOSE), "deck"),
        (dict(TRANSPOSE), "junyanz"),
        (dict(TRANSPOSE), "imgtrans"),
    ],
)
def test_whatever_is_in_the_zoo_comes_back_from_its_export_with_its_card(
    parameters: dict[str, object], layout: str, tmp_path: Path
):
    torch.manual_seed(0)
    network = architecture_of(Card("", "", "", "resnet", {}, "")).build(parameters).eval()
    card = Card("mine", "day", "night", "resnet", parameters, "", value_range=(0.0, 1.0), channel_order="BGR")
    card = replace(card, licence="CC0", working_size=512, training_size=256, provenance="trained here")
    model = install(card, lambda path: checkpoint.write_weights(network.state_dict(), path))
    path = tmp_path / "out.safetensors"
    assert export(model, path, "safetensors", layout=layout).layout == layout
    found = find_model(str(path))
    assert same(load_network(found), network)
    assert (found.card.working_size, found.card.value_range) == (512, (0.0, 1.0))
    again = import_checkpoint(path, "again", target="dusk")
    assert again.recognised.label is not None
    assert again.model.card == replace(
        model.card,
        name="again",
        target="dusk",
        sha256=again.model.card.sha256,
        provenance=f"imported from out.safetensors, in the layout of {layout}; trained here",
        date=again.model.card.date,
    )
    assert same(load_network(again.model), network)


def test_a_network_that_no_layout_can_say_is_exported_in_its_own(tmp_path: Path):
    network = architecture_of(Card("", "", "", "resnet", {}, "")).build(of_a_course())
    card = Card("course", "", "", "resnet", of_a_course(), "")
    model = install(card, lambda path: checkpoint.write_weights(network.state_dict(), path))
    assert export(model, tmp_path / "out.safetensors", "safetensors").layout == "imgtrans"
    with pytest.raises(
        UsageError, match=r"cannot be laid out as 'deck': the deck has no network of depth 3, stem False"
    ):
        export(model, tmp_path / "out.pth", "pth", layout="deck")


def test_equal_exports_are_equal_files(tiny: Model, tmp_path: Path):
    for name in "ab":
        export(tiny, tmp_path / name, "safetensors")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("no card", "is not a readable model card"),
        ('layout = "deck"', "is not a readable model card"),
        ("a = 1\n" * 200_000, "is no model card: it has 1,200,000 letters"),
        ('layout = "mine"\n' + Card("", "", "", "resnet", dict(TRANSPOSE), "").to_toml(), "like that ('mine')"),
        (Card("", "", "", "resnet", {"ngf": 10**9}, "").to_toml(), "there is no network of resnet like that"),
        (Card("", "", "", "resnet", dict(TRANSPOSE), "").to_toml(), "does not hold the network that it says"),
    ],
)
def test_what_a_file_says_of_itself_is_not_believed(text: str, problem: str, tiny_network: nn.Module, tmp_path: Path):
    path = tmp_path / "w.safetensors"
    checkpoint.write_weights(tiny_network.state_dict(), path, {"imgtrans": text})
    with pytest.raises(ModelError) as refusal:
        find_model(str(path))
    assert problem in refusal.value.message
    assert len(refusal.value.message) < 600


def test_layouts_are_for_state_dicts(tiny: Model, tmp_path: Path):
    with pytest.raises(UsageError, match="onnx has no layouts"):
        export(tiny, tmp_path / "file.onnx", "onnx", layout="deck")


def test_an_unknown_format_is_refused(tiny: Model, tmp_path: Path):
    with pytest.raises(UsageError, match="'tflite' is not a format"):
        export(tiny, tmp_path / "file", "tflite")


# Files


def test_a_file_that_is_there_is_left_alone_unless_it_may_be_replaced(tiny: Model, tmp_path: Path):
    path = tmp_path / "file.pth"
    path.write_text("mine")
    with pytest.raises(FilesError, match=r"file\.pth is there already"):
        export(tiny, path, "pth")
    assert path.read_text() == "mine"
    export(tiny, path, "pth", overwrite=True)
    assert checkpoint.read_weights(path)


@pytest.mark.parametrize(("name", "problem"), [("", "is a folder"), ("none/file.pth", "there is no folder")])
def test_a_place_where_no_file_can_be_is_refused(tiny: Model, tmp_path: Path, name: str, problem: str):
    with pytest.raises(FilesError, match=problem):
        export(tiny, tmp_path / name, "pth", overwrite=True)


def test_a_full_disk_is_an_error_about_files_and_leaves_nothing(
    tiny: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(weights: object, path: Path, header: object) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "write_weights", full)
    with pytest.raises(FilesError, match=r"file\.safetensors cannot be written: No space left on device"):
        export(tiny, tmp_path / "file.safetensors", "safetensors")
    assert list(tmp_path.iterdir()) == []


# Parity


def offset_by(by: float) -> Callable[..., Callable[[Tensor], Tensor]]:
    def rebuilt(network: nn.Module, keys: dict[str, str], path: Path) -> Callable[[Tensor], Tensor]:
        network.load_state_dict(checkpoint.read_weights(path))
        return lambda pictures: network.eval()(pictures) + by

    return rebuilt


@pytest.mark.parametrize("by", [2 * TOLERANCE, -2 * TOLERANCE, float("nan"), float("inf")])
def test_a_file_that_computes_something_else_is_not_left(
    tiny: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: float
):
    monkeypatch.setattr(exporting, "_rebuilt", offset_by(by))
    (tmp_path / "file.pth").write_text("mine")
    with pytest.raises(ModelError, match=r"computes something else: it differs by (0\.002|nan|inf)"):
        export(tiny, tmp_path / "file.pth", "pth", overwrite=True)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("file.pth", "mine")]


def test_a_small_difference_is_reported(tiny: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(exporting, "_rebuilt", offset_by(TOLERANCE / 2))
    assert export(tiny, tmp_path / "file.pth", "pth").largest == pytest.approx(TOLERANCE / 2, rel=1e-3)


def test_a_difference_is_measured_in_the_usual_range(tiny: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(exporting, "_rebuilt", offset_by(0.1))
    bytes_wide = replace(tiny, card=replace(tiny.card, value_range=(0.0, 255.0)))
    assert export(bytes_wide, tmp_path / "file.pth", "pth").largest == pytest.approx(0.1 / 127.5, rel=1e-3)


def test_an_output_of_another_shape_is_something_else(tiny: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(exporting, "_rebuilt", lambda *_: lambda pictures: pictures[:1, :1])
    with pytest.raises(ModelError, match=r"its output has the shape \(1, 1, 64, 64\) instead of \(1, 3, 64, 64\)"):
        export(tiny, tmp_path / "file.pth", "pth")


def test_what_an_exporter_raises_becomes_one_sentence(tiny: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object) -> bytes:
        raise KeyError("no such operator\nand a page about it")

    monkeypatch.setitem(programs.WRITERS, "torch.export", broken)
    with pytest.raises(ModelError, match=r"'tiny' cannot be exported to torch\.export: ") as refusal:
        export(tiny, tmp_path / "file.pt2", "torch.export")
    assert "\n" not in refusal.value.message
    assert list(tmp_path.iterdir()) == []


def test_a_broken_model_is_not_exported(tiny: Model, tmp_path: Path):
    tiny.weights.write_bytes(b"")
    with pytest.raises(ModelError):
        export(tiny, tmp_path / "file.pth", "pth")
    assert list(tmp_path.iterdir()) == []
