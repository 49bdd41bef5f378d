from imgtrans.watching.service.standing import RATE_SECONDS, STARTING, WAITING, WORKING, Rate, Standing


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_rate_is_that_of_the_last_minutes() -> None:
    clock = Clock()
    rate = Rate(clock)
    assert rate.per_second == 0
    clock.now += 10
    rate.add(20)
    assert rate.per_second == 2
    clock.now += 2 * RATE_SECONDS
    assert rate.per_second == 0
    rate.add(30)
    assert rate.per_second == 30 / RATE_SECONDS


def test_a_rate_takes_no_more_room_the_longer_it_is_counted() -> None:
    clock = Clock()
    rate = Rate(clock)
    for _ in range(10_000):
        clock.now += 1
        rate.add()
        rate.per_second  # noqa: B018 - it forgets
    assert len(rate._slots) < 100
    assert abs(rate.per_second - 1) < 0.05


def test_a_standing_is_told_in_a_line() -> None:
    standing = Standing("/inbox", "/out", "tiny", state=WORKING, queue=3)
    standing.done(64, 0.5)
    standing.erred("it broke", final=False)
    assert standing.line().startswith("working, 3 waiting, 1 translated, 0 failed, ")
    standing.erred("it broke", final=True)
    standing.state, standing.why, standing.queue = WAITING, "/inbox is not there", 0
    assert standing.line() == "waiting: /inbox is not there, 1 translated, 1 failed"
    assert standing.last_error == "it broke"
    assert standing.now()["pixels"] == 64


def test_a_reload_counts_on() -> None:
    before, after = Standing("/inbox", "/out", "old"), Standing("/inbox", "/out", "new")
    before.done(64, 0.5)
    before.started = 5.0
    after.go_on_from(before)
    assert (after.translated, after.model, after.started, after.state) == (1, "new", 5.0, STARTING)
    assert after.rate.per_second == before.rate.per_second > 0
