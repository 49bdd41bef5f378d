from imgtrans.watching.sources.retries import DELAYS, Retries


def test_what_fails_is_tried_again_later_and_later_and_then_given_up() -> None:
    retries = Retries(3)
    now, delays = 100.0, []
    while (delay := retries.failed(b"a", 1, now)) is not None:
        delays.append(delay)
        assert retries.due(now + delay - 1) == []
        now += delay
        assert retries.due(now) == [b"a"]
        assert retries.due(now) == []  # it is being tried
    assert delays == [*DELAYS[:3]]
    assert retries.seconds(now) is None


def test_another_version_has_tries_of_its_own() -> None:
    retries = Retries(1)
    assert retries.failed(b"a", 1, 0.0) == DELAYS[0]
    assert retries.failed(b"a", 2, 0.0) == DELAYS[0]
    assert retries.failed(b"a", 2, 0.0) is None


def test_many_tries_come_at_the_longest_distance() -> None:
    retries = Retries(10)
    assert [retries.failed(b"a", 1, 0.0) for _ in range(11)] == [*DELAYS, *[DELAYS[-1]] * 6, None]


def test_it_says_when_something_is_due_next() -> None:
    retries = Retries(3)
    retries.failed(b"a", 1, 0.0)
    retries.failed(b"b", 1, 5.0)
    assert retries.seconds(6.0) == DELAYS[0] - 6
    assert retries.seconds(60.0) == 0
    retries.forget(b"a")
    assert retries.due(12.0) == []
    assert retries.seconds(12.0) == 5 + DELAYS[0] - 12


def test_without_tries_it_is_given_up_at_once() -> None:
    assert Retries(0).failed(b"a", 1, 0.0) is None


def test_what_was_broken_off_while_it_was_tried_again_is_due_at_once() -> None:
    retries = Retries(3)
    retries.failed(b"a", 1, 0.0)
    retries.failed(b"b", 1, 5.0)
    assert retries.due(DELAYS[0]) == [b"a"]
    retries.let_go(DELAYS[0] + 1)
    assert retries.due(DELAYS[0] + 1) == [b"a"]
    assert retries.seconds(DELAYS[0] + 1) == 4
