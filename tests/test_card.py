"""A model's card survives the way to disk and back, and a broken one says what is wrong."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from imgtrans.card import Card, read_card
from imgtrans.errors import ModelError

CARD = Card(
    name="summer2winter",
    source="summer",
    target="winter",
    architecture="resnet",
    parameters={"channels": 3, "ngf": 32, "blocks": 9, "upsampling": "nearest"},
    sha256="ab" * 32,
    value_range=(0.0, 1.0),
    training_size=256,
    working_size=1024,
    steps=246_000,
    data_set='summer2winter "Yosemite" é',
    licence="CC0-1.0",
    provenance="line one\nline two \\ with a backslash",
    date="2026-01-31",
    training={"seed": 1, "rates": [0.1, 0.2], "device": {"name": "H100"}},
    metrics={"fid": 51.5},
)


def written(tmp_path: Path, text: str) -> Path:
    (tmp_path / "card.toml").write_text(text, encoding="utf-8")
    return tmp_path / "card.toml"


def test_a_card_survives_the_way_to_disk_and_back(tmp_path: Path):
    assert read_card(written(tmp_path, CARD.to_toml())) == CARD
    imported = replace(CARD, assumed=("norm", "channel_order"), output_range=(-1.0, 1.0))
    assert read_card(written(tmp_path, imported.to_toml())) == imported
    assert (CARD.made_range, imported.made_range) == ((0.0, 1.0), (-1.0, 1.0))


def test_what_decides_outputs_besides_the_weights_is_in_a_cards_terms():
    assert CARD.terms == "range=0..1"
    assert replace(CARD, value_range=(-1.0, 1.0)).terms == ""
    imported = replace(CARD, assumed=("head", "channel_order"), parameters={**CARD.parameters, "head": "tanh"})
    others = (
        replace(imported, parameters={**CARD.parameters, "head": "none"}),
        replace(imported, channel_order="BGR"),
        replace(imported, value_range=(-1.0, 1.0)),
    )
    assert len({imported.terms, *(other.terms for other in others)}) == 4
    assert len(imported.terms) < 40  # it stands in the journal for every picture


def test_a_card_needs_little_and_knows_the_rest(tmp_path: Path):
    small = Card("a", "", "", "resnet", {}, "")
    kept = [line for line in small.to_toml().splitlines() if line.startswith(("name", "so", "ta", "ar", "sh", "[pa"))]
    card = read_card(written(tmp_path, "\n".join(kept)))
    assert card == small
    assert card.value_range == (-1.0, 1.0)


def test_keys_of_a_later_imgtrans_are_passed_over(tmp_path: Path):
    text = 'colour_of_the_cover = "blue"\n' + CARD.to_toml() + "\n[sponsors]\nnone = true\n"
    assert read_card(written(tmp_path, text)) == CARD


def test_whole_numbers_in_the_value_range_are_numbers(tmp_path: Path):
    text = replace(CARD, value_range=(-1, 1)).to_toml()
    assert read_card(written(tmp_path, text)).value_range == (-1.0, 1.0)


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ('name = "summer2winter"\n', "", "name"),
        ("steps = 246000", 'steps = "many"', "steps is 'many'"),
        ("steps = 246000", "steps = true", "steps is True"),
        ('source = "summer"', "source = 1", "source is 1"),
        ("[parameters]", "[parametres]", "parameters"),
        ("    1.0,\n", "", "value"),
        ("    1.0,\n", "    1.0,\n    2.0,\n", "value"),
        ("    1.0,\n", '    "high",\n', "high"),
        ('date = "2026-01-31"', "date = 2026-01-31", "date"),
        ("steps = 246000", "steps = ", "line"),
    ],
)
def test_a_broken_card_says_which_file_and_what_is_wrong(tmp_path: Path, before: str, after: str, reason: str):
    assert before in CARD.to_toml()
    path = written(tmp_path, CARD.to_toml().replace(before, after))
    with pytest.raises(ModelError, match="is not a readable model card") as refusal:
        read_card(path)
    assert refusal.value.message.startswith(str(path))
    assert reason in refusal.value.message.removeprefix(str(path))


def test_a_card_that_is_not_there_is_not_readable(tmp_path: Path):
    with pytest.raises(ModelError, match="is not a readable model card"):
        read_card(tmp_path / "card.toml")


@pytest.mark.parametrize("value_range", ["[1.0, -1.0]", "[0.0, 0.0]", "[nan, 1.0]", "[0.0, inf]", "[-inf, 1]"])
def test_a_range_that_is_none_is_refused(tmp_path: Path, value_range: str):
    path = written(tmp_path, re.sub(r"value_range = \[[^]]*\]", f"value_range = {value_range}", CARD.to_toml()))
    with pytest.raises(ModelError, match="is not a readable model card: value_range is "):
        read_card(path)
