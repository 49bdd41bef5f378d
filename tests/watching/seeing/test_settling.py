import pytest

from imgtrans.watching.seeing.settling import Settling
from imgtrans.watching.seeing.version import Version


def version(size: int = 1) -> Version:
    return Version(1, 1, size, 1, 1)


def test_a_file_is_whole_when_it_has_stopped_changing() -> None:
    settling = Settling(2.0)
    settling.see("a", version(1), 0.0)
    settling.see("a", version(2), 1.9)
    settling.see("a", version(2), 3.0)  # seen again, and not changed: its time goes on
    assert list(settling.due(3.8)) == []
    assert settling.seconds(3.8) == pytest.approx(0.1)
    assert list(settling.due(3.9)) == ["a"]
    assert (len(settling), settling.seconds(4.0)) == (1, None)  # it is kept until somebody takes it
    assert settling.take("a", 4.0) == version(2)
    assert (len(settling), list(settling.due(9.0))) == (0, [])


def test_a_file_that_changes_after_it_has_settled_is_due_once_more_and_not_taken_before() -> None:
    settling = Settling(1.0)
    settling.see("a", version(1), 0.0)
    assert list(settling.due(1.0)) == ["a"]
    settling.see("a", version(2), 1.1)
    assert settling.take("a", 1.2) is None
    assert list(settling.due(2.0)) == []
    assert list(settling.due(2.2)) == ["a"]
    assert settling.take("a", 2.2) == version(2)
    assert settling.take("a", 2.2) is None


def test_one_slow_file_does_not_hold_up_another() -> None:
    settling = Settling(1.0)
    settling.see("slow", version(1), 0.0)
    settling.see("fast", version(1), 0.0)
    settling.see("slow", version(2), 0.9)
    assert list(settling.due(1.0)) == ["fast"]
    assert settling.take("fast", 1.0) == version(1)
    assert settling.names() == {"slow"}


def test_a_file_that_went_away_does_not_become_due() -> None:
    settling = Settling(1.0)
    settling.see("a", version(), 0.0)
    settling.forget("a")
    assert list(settling.due(9.0)) == []
