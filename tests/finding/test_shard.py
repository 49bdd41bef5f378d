from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgtrans.errors import UsageError
from imgtrans.finding.shard import WHOLE, Shard, parse_shard


@given(path=st.text(min_size=1).map(Path), count=st.integers(1, 40))
def test_each_picture_is_in_exactly_one_shard(path: Path, count: int) -> None:
    assert sum(Shard(number, count).has(path) for number in range(1, count + 1)) == 1


def test_shards_are_of_about_the_same_size() -> None:
    paths = [Path(f"DSC_{number:05}.JPG") for number in range(4000)]
    sizes = [sum(Shard(number, 16).has(path) for path in paths) for number in range(1, 17)]
    assert sum(sizes) == 4000
    assert min(sizes) > 200 and max(sizes) < 300


def test_where_a_picture_belongs_never_changes() -> None:
    """A job array that goes on after an update must find its own."""
    assert [Shard(1, 2).has(Path(name)) for name in ("a.jpg", "b/c.png", "d.tif")] == [False, True, True]


def test_a_shard_is_written_as_a_fraction() -> None:
    assert parse_shard("3/16") == Shard(3, 16)
    assert parse_shard(" 1 / 1 ") == parse_shard("") == WHOLE
    assert str(parse_shard("3/16")) == "3/16"


@pytest.mark.parametrize("text", ["0/4", "5/4", "1/0", "3", "a/b", "-1/4", "1/4/2"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--shard is"):
        parse_shard(text)
