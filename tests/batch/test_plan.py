import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgtrans.batch.plan import Policy, Recipe, Tally, decisions
from imgtrans.errors import FilesError
from imgtrans.finding import pictures as module
from imgtrans.finding.destination import Destination, choose_destination
from imgtrans.finding.pictures import discover
from imgtrans.journal.entry import Entry, LastRun
from tests.pictures import save

RECIPE = Recipe("model", "settings")


class Records(dict[bytes, Entry]):
    def entry(self, output: bytes, stands: os.stat_result | None = None) -> Entry | None:
        return self.get(output)

    def last_runs(self) -> list[LastRun]:
        return []

    def has_output_of(self, model: str) -> bool:
        return any(entry.model == model for entry in self.values())


class Plan:
    """A whole plan, collected."""

    def __init__(self, folder: Path, destination: Destination, recipe: Recipe, records: Records, policy: Policy):
        self.tally = Tally()
        met = discover([folder], destination, aside=self.tally.aside)
        planned = [*decisions(met, recipe, records, policy, self.tally)]
        for error in self.tally.aside.collisions:
            raise error
        self.todo = [decision.item for decision in planned if decision.state == "todo"]
        self.done = [decision.item for decision in planned if decision.state == "done"]
        self.refused = [(decision.item, decision.problem) for decision in planned if decision.state == "refused"]
        assert (self.tally.todo, self.tally.done, self.tally.refused) == (
            len(self.todo), len(self.done), len(self.refused),
        )  # fmt: skip


def plan_of(folder: Path, records: Records | None = None, recipe: Recipe = RECIPE, **policy: bool) -> Plan:
    destination = choose_destination([folder], folder.parent / "out", "a2b")
    return Plan(folder, destination, recipe, records or Records(), Policy(**policy))


@pytest.fixture
def made(tmp_path: Path) -> tuple[Path, Records]:
    """A folder with one picture whose output was made by RECIPE."""
    save(tmp_path / "in" / "a.png")
    output = save(tmp_path / "out" / "a.png", seed=1)
    (item,) = plan_of(tmp_path / "in", overwrite=True).todo
    return tmp_path / "in", Records({b"a.png": RECIPE.entry(item, "done", output.stat())})


def test_the_tree_is_mirrored(tmp_path: Path) -> None:
    save(tmp_path / "in" / "a.png")
    save(tmp_path / "in" / "b" / "a.jpg")
    (tmp_path / "in" / "notes.txt").write_text("")
    plan = plan_of(tmp_path / "in")
    assert [item.output for item in plan.todo] == [tmp_path / "out" / "a.png", tmp_path / "out" / "b" / "a.jpg"]
    assert plan.tally.ignored == 1


def test_what_is_done_is_skipped(made: tuple[Path, Records]) -> None:
    plan = plan_of(*made)
    assert (len(plan.done), plan.todo, plan.refused) == (1, [], [])


def test_what_was_being_put_in_place_when_the_power_failed_is_known_as_ours(made: tuple[Path, Records]) -> None:
    folder, records = made
    records[b"a.png"] = Entry(**{**vars(records[b"a.png"]), "state": "writing"})
    assert len(plan_of(folder, records).done) == 1


def test_force_redoes_what_is_done(made: tuple[Path, Records]) -> None:
    assert len(plan_of(*made, force=True).todo) == 1


def test_a_changed_input_a_new_model_and_new_settings_are_redone(made: tuple[Path, Records]) -> None:
    folder, records = made
    assert len(plan_of(folder, records, Recipe("other", "settings")).todo) == 1
    assert len(plan_of(folder, records, Recipe("model", "other")).todo) == 1
    save(folder / "a.png", seed=9, width=33)
    assert len(plan_of(folder, records).todo) == 1


def test_a_lost_output_is_made_again(made: tuple[Path, Records]) -> None:
    folder, records = made
    (folder.parent / "out" / "a.png").unlink()
    assert len(plan_of(folder, records).todo) == 1


def test_a_file_that_imgtrans_did_not_make_is_left_alone(tmp_path: Path) -> None:
    save(tmp_path / "in" / "a.png")
    save(tmp_path / "out" / "a.png")
    plan = plan_of(tmp_path / "in")
    assert plan.todo == []
    assert "was not made by imgtrans" in plan.refused[0][1]
    assert len(plan_of(tmp_path / "in", overwrite=True).todo) == 1


def test_an_output_that_somebody_changed_is_left_alone(made: tuple[Path, Records]) -> None:
    folder, records = made
    save(folder.parent / "out" / "a.png", seed=3, width=50)
    assert len(plan_of(folder, records).refused) == 1


def test_a_broken_picture_is_refused_with_its_name(tmp_path: Path) -> None:
    save(tmp_path / "in" / "a.png")
    (tmp_path / "in" / "broken.jpg").write_text("")
    plan = plan_of(tmp_path / "in")
    assert len(plan.todo) == 1
    assert "broken.jpg" in plan.refused[0][1]


def test_two_inputs_for_one_output_are_found_before_anything_is_written(tmp_path: Path) -> None:
    save(tmp_path / "in" / "a.png")
    save(tmp_path / "in" / "a.ico", width=16)  # becomes a.png, as icons cannot be written back
    with pytest.raises(FilesError, match=r"would both become .*a\.png"):
        plan_of(tmp_path / "in")


def test_two_inputs_that_a_wanted_format_would_make_one_are_found_before_anything_is_written(tmp_path: Path) -> None:
    for name in ("a.png", "a.jpg", "b.jpeg"):
        save(tmp_path / "in" / name)
    destination = choose_destination([tmp_path / "in"], tmp_path / "out", "a2b", format="PNG")
    with pytest.raises(FilesError, match=r"would both become .*a\.png"):
        Plan(tmp_path / "in", destination, RECIPE, Records(), Policy())
    (tmp_path / "in" / "a.jpg").unlink()
    plan = Plan(tmp_path / "in", destination, RECIPE, Records(), Policy())
    assert [item.output.name for item in plan.todo] == ["a.png", "b.png"]


def test_names_that_differ_in_case_only_collide_where_the_file_system_ignores_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path / "in" / "same.jpg")
    save(tmp_path / "in" / "Same.jpg")
    monkeypatch.setattr(module, "ignores_case", lambda folder: False)
    assert len(plan_of(tmp_path / "in").todo) == 2
    monkeypatch.setattr(module, "ignores_case", lambda folder: True)
    with pytest.raises(FilesError, match="would both become"):
        plan_of(tmp_path / "in")


def test_a_format_that_cannot_be_written_becomes_png_and_is_counted(tmp_path: Path) -> None:
    save(tmp_path / "in" / "a.ico", width=16)
    plan = plan_of(tmp_path / "in")
    assert plan.todo[0].output.name == "a.png"
    assert plan.tally.converted == 1


NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=8).filter(
    lambda name: name not in (".", "..")
)


@given(tree=st.lists(st.lists(NAMES, min_size=1, max_size=3), max_size=6))
def test_outputs_mirror_inputs_whatever_they_are_called(
    tmp_path_factory: pytest.TempPathFactory, tree: list[list[str]]
) -> None:
    folder = tmp_path_factory.mktemp("tree")
    made = set()
    for parts in tree:
        path = folder.joinpath("in", *parts)
        try:
            save(path, format="PNG")
        except OSError:  # a part is a file already, or the name is too long
            continue
        made.add(path)
    (folder / "in").mkdir(exist_ok=True)
    visible = {path for path in made if path.is_file() and not module_hides(path.relative_to(folder / "in"))}
    plan = plan_of(folder / "in")
    assert {item.input for item in plan.todo} == visible
    for item in plan.todo:
        assert item.output.relative_to(folder / "out") == item.input.relative_to(folder / "in")
        assert os.fsdecode(item.key) == str(item.input.relative_to(folder / "in"))


def module_hides(relative: Path) -> bool:
    from imgtrans.images.formats import is_hidden_or_system

    return any(is_hidden_or_system(part) for part in relative.parts)
