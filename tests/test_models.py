"""The zoo for other programs: the same as ``imgtrans models``, without a word printed."""

from pathlib import Path

import pytest
import torch
from PIL import Image

import imgtrans
from imgtrans import checkpoint
from imgtrans.errors import FilesError, ModelError, UsageError
from imgtrans.zoo.store import Model
from tests.zoo.server import Server, file, without_proxies


def test_what_is_there_is_listed_by_its_cards(tiny_model: Model):
    assert [card.name for card in imgtrans.models.list()] == ["summer2winter", "winter2summer", "tiny"]
    assert imgtrans.models.find("tiny") == tiny_model.card
    assert imgtrans.models.folder("tiny") == tiny_model.weights.parent
    assert imgtrans.models.folder() == tiny_model.weights.parent.parent
    with pytest.raises(ModelError, match="there is no model called 'tinny'") as refusal:
        imgtrans.models.find("tinny")
    assert refusal.value.__notes__[0].startswith("did you mean tiny?")


def test_a_checkpoint_is_imported_renamed_exported_and_removed(
    tiny_weights: Path, home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    card = imgtrans.models.import_checkpoint(tiny_weights, name="mine", source="day", target="night")
    assert (card.name, card.source, card.target) == ("mine", "day", "night")
    with pytest.raises(FilesError, match="'mine' is in the zoo already"):
        imgtrans.models.import_checkpoint(tiny_weights, "mine")
    assert imgtrans.models.rename("mine", "yours").name == "yours"
    file = imgtrans.models.export("yours", tmp_path / "yours.pth", "pth", layout="deck")
    assert torch.load(file, weights_only=True).keys() == checkpoint.read_weights(tiny_weights).keys()
    with imgtrans.load("yours") as model:
        assert model(Image.new("RGB", (16, 16))).size == (16, 16)
    imgtrans.models.remove("yours")
    assert "yours" not in [card.name for card in imgtrans.models.list()]
    with pytest.raises(ModelError, match="'summer2winter' comes with imgtrans"):
        imgtrans.models.remove("summer2winter")
    with pytest.raises(UsageError, match="cannot be a model's name"):
        imgtrans.models.import_checkpoint(tiny_weights, "no/name")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("factor", "said"), [(0, "nothing but zeros: it was never trained"), (50, "something assumed may not be so")]
)
def test_what_is_odd_about_a_checkpoint_is_a_warning(
    factor: float, said: str, tiny_weights: Path, home: Path, tmp_path: Path
):
    weights = {name: factor * tensor for name, tensor in checkpoint.read_weights(tiny_weights).items()}
    checkpoint.write_weights(weights, tmp_path / "odd.safetensors")
    with pytest.warns(UserWarning, match=said):
        assert imgtrans.models.import_checkpoint(tmp_path / "odd.safetensors").name == "odd"


def test_a_checkpoint_is_pulled_and_how_it_goes_is_told(
    tiny_weights: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    without_proxies(monkeypatch)
    told: list[tuple[int, int | None]] = []
    content = tiny_weights.read_bytes()
    with Server() as server:
        address = server.serve("/G.safetensors", file(content))
        card = imgtrans.models.pull(address, "pulled", progress=lambda done, total: told.append((done, total)))
        with pytest.raises(ModelError, match=r"SHA-256|sha256"):
            imgtrans.models.pull(address, "other", sha256="0" * 64)
    assert card.name == "pulled"
    assert told[-1] == (len(content), len(content))
    assert capfd.readouterr() == ("", "")
