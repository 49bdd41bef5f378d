"""The two models of a run have names that cannot be each other's, known before the first step."""

from pathlib import Path

import pytest

from imgtrans.errors import FilesError, UsageError
from imgtrans.training.naming import check_names_free, domains, reverse_name
from imgtrans.zoo.importing import import_checkpoint
from imgtrans.zoo.store import Model


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("summer2winter", ("summer", "winter", "winter2summer")),
        ("a2b", ("a", "b", "b2a")),
        ("day_time2night-time", ("day_time", "night-time", "night-time2day_time")),
        ("horses", ("A", "B", "horses-reverse")),
        ("a2b2c", ("A", "B", "a2b2c-reverse")),
        ("v1.2-final", ("A", "B", "v1.2-final-reverse")),
        ("2b", ("A", "B", "2b-reverse")),
        ("a2", ("A", "B", "a2-reverse")),
        ("a2-b", ("A", "B", "a2-b-reverse")),
    ],
)
def test_what_a_name_says_of_its_models(name: str, expected: tuple[str, str, str]):
    assert (*domains(name), reverse_name(name)) == expected


@pytest.mark.parametrize("name", ["cat2cat", "Day2day"])
def test_the_reverse_never_has_the_name_of_the_model_itself(name: str):
    assert reverse_name(name) == f"{name}-reverse"


@pytest.mark.parametrize("name", ["summer2winter", "a2b", "day_time2night-time"])
def test_the_reverse_of_the_reverse_is_the_model_itself(name: str):
    assert reverse_name(reverse_name(name)) == name
    assert domains(reverse_name(name)) == domains(name)[::-1]


def test_a_name_is_refused_if_it_or_that_of_the_reverse_is_taken(tiny_model: Model, tiny_weights: Path):
    check_names_free("tiny2big", both_ways=True)
    with pytest.raises(FilesError, match="'tiny' is in the zoo already"):
        check_names_free("tiny", both_ways=True)
    import_checkpoint(tiny_weights, "big2tiny")
    with pytest.raises(FilesError, match="'big2tiny' is in the zoo already"):
        check_names_free("tiny2big", both_ways=True)


def test_where_there_is_no_way_back_the_name_of_the_reverse_may_be_taken(tiny_model: Model, tiny_weights: Path):
    import_checkpoint(tiny_weights, "big2tiny")
    check_names_free("tiny2big", both_ways=False)


@pytest.mark.parametrize("name", ["", "../a2b", "a b", "-a", "a" * 95])
def test_what_is_no_name_or_leaves_no_room_for_the_reverse_is_refused(name: str):
    with pytest.raises(UsageError, match="cannot be a model's name"):
        check_names_free(name, both_ways=True)
