"""The table of figures: what was measured, and what was not and says so."""

from pathlib import Path

import pytest
import torch

from benchmarks.__main__ import rows
from benchmarks.card import NO_CARD, card_rows
from benchmarks.pairs import Row, Took
from benchmarks.table import BEGIN, END, joined, markdown, put_into, record


def test_a_row_that_was_not_measured_says_so_and_has_no_figure():
    measured = Row("one", "eager", [(Took(2.0), Took(1.0))], 2.0, "fine")
    table = markdown([measured, Row("other", "eager", [], 3.5, "no card")], {"processor": "a"})
    assert "| one | eager | 2.0 s | 1.0 s | **2.00** | one round |  | 2 | fine |" in table
    assert "| other | eager | | | not measured | | | 3.5 | no card |" in table
    assert '"ratio": 0.0' in record([Row("other", "eager", [])], {})


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a card, and this would measure it")
def test_without_a_card_the_rows_that_need_one_are_there_and_not_measured():
    made = [row for one in card_rows(quick=True) for row in [one.row()]]
    assert len(made) >= 6
    assert not any(row.measured for row in made)
    assert all(NO_CARD in row.note and "wanted: " in row.note for row in made)


def test_rows_are_those_of_a_device_or_all():
    names = {device: {name for name, _ in rows(True, 1, device)} for device in ("cpu", "cuda", "all")}
    assert names["cuda"] == {"card"}
    assert "card" not in names["cpu"]
    assert names["all"] == names["cpu"] | names["cuda"]


def test_a_table_replaces_the_one_between_its_marks_and_nothing_else(tmp_path: Path):
    document = tmp_path / "page.md"
    document.write_text(f"before\n{BEGIN}\nold\n{END}\nbehind\n")
    put_into(document, "new\n")
    assert document.read_text() == f"before\n{BEGIN}\nnew\n{END}\nbehind\n"


def test_tables_of_several_machines_become_one_and_of_a_row_the_last_that_was_measured_counts():
    here, there = {"processor": "a"}, {"processor": "b", "card": "c"}
    first = record([Row("one", "eager", [(Took(2.0), Took(1.0))]), Row("card", "eager", [], 2.0, "no card")], here)
    again = record([Row("one", "eager", [(Took(3.0), Took(1.0))])], here)
    card = record([Row("card", "eager", [(Took(4.0), Took(1.0))], 2.0, "fine"), Row("one", "eager", [])], there)
    tables = joined([first, again, card])
    assert tables.count("| what |") == 2
    assert "a.\n" in tables and "b, card c.\n" in tables
    assert "**3.00**" in tables and "**2.00**" not in tables
    assert "| card | eager | 4.0 s | 1.0 s | **4.00** | one round |  | 2 | fine |" in tables
    assert "not measured" not in tables
