"""A model is what its card says, or it is told what is wrong with it."""

from dataclasses import replace
from pathlib import Path

import pytest

from imgtrans.card import Card
from imgtrans.errors import ModelError
from imgtrans.zoo import store
from imgtrans.zoo.store import Model, install
from imgtrans.zoo.verify import DAMAGED, MISSING, OK, Verdict, verify


@pytest.fixture
def model() -> Model:
    return install(Card("mine", "", "", "resnet", {}, ""), lambda path: path.write_bytes(b"weights"))


def test_an_untouched_model_is_ok(model: Model):
    assert verify("mine") == Verdict("mine", model.weights, OK)


def test_one_other_byte_is_damage(model: Model):
    model.weights.write_bytes(b"weightt")
    verdict = verify("mine")
    assert (verdict.state, verdict.path) == (DAMAGED, model.weights)
    assert verdict.problem == f"{model.weights} is not the file that its card was written for"


def test_a_card_that_cannot_be_read_is_damage(model: Model):
    (model.weights.parent / store.CARD_FILE).write_text("name = 3")
    verdict = verify("mine")
    assert verdict.state == DAMAGED
    assert "is not a readable model card" in verdict.problem


def test_another_models_card_is_damage(model: Model):
    (model.weights.parent / store.CARD_FILE).write_text(replace(model.card, sha256="0" * 64).to_toml())
    assert verify("mine").state == DAMAGED


@pytest.mark.parametrize("name", [store.CARD_FILE, store.WEIGHTS_FILE])
def test_what_is_missing_is_named(model: Model, name: str):
    path = model.weights.with_name(name)
    path.unlink()
    verdict = verify("mine")
    assert (verdict.state, verdict.path) == (MISSING, path)
    assert f"missing ({path})" in verdict.problem


def test_a_folder_in_the_weights_place_cannot_be_read(model: Model):
    model.weights.unlink()
    model.weights.mkdir()
    verdict = verify("mine")
    assert verdict.state == DAMAGED
    assert "cannot be read" in verdict.problem


def test_there_must_be_such_a_model():
    with pytest.raises(ModelError, match="there is no model called 'nobody'"):
        verify("nobody")


def test_what_comes_with_imgtrans_is_as_it_was_made():
    assert [verify(name).state for name in ("summer2winter", "winter2summer")] == [OK, OK]
    assert Path(verify("summer2winter").path).parent.parent.name == "bundled"
