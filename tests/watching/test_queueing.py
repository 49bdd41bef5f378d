from imgtrans.watching.queueing import FEW, TOGETHER_SECONDS, Queue


def rest(queue: Queue) -> list[str]:
    found = []
    while (relative := queue.next()) is not None:
        found.append(relative)
    return found


def names(folder: str, count: int) -> list[str]:
    return [f"{folder}/{number}.png" for number in range(count)]


def test_few_files_keep_their_order() -> None:
    queue = Queue()
    queue.add(names("a", FEW), 0.0)
    assert len(queue) == FEW
    assert rest(queue) == names("a", FEW)
    assert (len(queue), queue.next()) == (0, None)


def test_one_that_comes_after_a_burst_is_next() -> None:
    queue = Queue()
    queue.add(names("a", 1000), 0.0)
    for _ in range(100):
        queue.next()
    queue.add(["a/new.png"], 2 * TOGETHER_SECONDS)
    assert "a/new.png" in [queue.next(), queue.next()]


def test_a_burst_that_comes_one_by_one_is_a_burst_and_holds_up_no_other_folder() -> None:
    queue = Queue()
    for number, relative in enumerate(names("a", 1000)):
        queue.add([relative], 0.001 * number)
    for _ in range(2 * FEW):
        queue.next()
    queue.add(["b/new.png"], 1.0)
    assert "b/new.png" in [queue.next(), queue.next()]


def test_all_of_a_burst_have_their_turn_while_others_come() -> None:
    queue = Queue()
    queue.add(names("a", 100), 0.0)
    seen = []
    for number in range(200):
        queue.add([f"b/{number}.png"], 2.0 * (number + 1))
        seen.append(queue.next())
    assert {*names("a", 100)} <= {*seen}
