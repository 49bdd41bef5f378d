import threading
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from imgtrans.batch import lookahead as module
from imgtrans.batch.lookahead import Lookahead, ReadyFolders
from imgtrans.batch.plan import Decision
from imgtrans.errors import FilesError
from imgtrans.protocols import Item


def item(folder: Path, number: int) -> Item:
    return Item(folder / f"{number}.png", folder / "out" / f"{number}.png", b"%d" % number, b"", "PNG", 1, 1)


def test_what_is_to_do_is_handed_on_in_order_and_the_rest_is_told(tmp_path: Path) -> None:
    states = ["done", "todo", "refused", "todo", "done"]
    told: list[bytes] = []
    decisions = iter([Decision(item(tmp_path, number), state) for number, state in enumerate(states)])
    with Lookahead(decisions, lambda decision: told.append(decision.item.key), ReadyFolders()) as lookahead:
        assert lookahead.finds_anything()
        assert [one.key for one in lookahead] == [b"1", b"3"]
        lookahead.check()
    assert told == [b"0", b"2", b"4"]
    assert (tmp_path / "out").is_dir()


def test_nothing_to_do_is_known_and_makes_no_folder(tmp_path: Path) -> None:
    with Lookahead(iter([Decision(item(tmp_path, 0), "done")]), lambda decision: None, ReadyFolders()) as lookahead:
        assert not lookahead.finds_anything()
        assert [*lookahead] == []
    assert not (tmp_path / "out").exists()


def test_it_goes_ahead_only_so_far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AHEAD", 4)
    met: list[int] = []

    def endless() -> Iterator[Decision]:
        for number in count():
            met.append(number)
            yield Decision(item(tmp_path, number), "todo")

    with Lookahead(endless(), lambda decision: None, ReadyFolders()) as lookahead:
        assert lookahead.finds_anything()
        taken = [next(lookahead).key for _ in range(10)]
    assert taken == [b"%d" % number for number in range(10)]
    assert len(met) <= 10 + 4 + 2


def test_what_ends_the_planning_is_raised_once_what_was_found_is_handed_on(tmp_path: Path) -> None:
    def breaks() -> Iterator[Decision]:
        yield Decision(item(tmp_path, 0), "todo")
        raise FilesError("two would be one")

    with Lookahead(breaks(), lambda decision: None, ReadyFolders()) as lookahead:
        lookahead._thread.join()
        with pytest.raises(FilesError, match="two would be one"):
            lookahead.finds_anything()
        assert [one.key for one in lookahead] == [b"0"]


def test_many_threads_share_one_lookahead(tmp_path: Path) -> None:
    taken: list[bytes] = []
    decisions = (Decision(item(tmp_path, number), "todo") for number in range(200))
    with Lookahead(decisions, lambda decision: None, ReadyFolders()) as lookahead:
        threads = [threading.Thread(target=lambda: taken.extend(one.key for one in lookahead)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(taken) == sorted(b"%d" % number for number in range(200))


def test_what_an_earlier_run_left_is_swept_and_another_shards_is_not(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    for tag in ("1-of-2-", "2-of-2-"):
        (tmp_path / "out" / f".imgtrans-{tag}0123456789abcdef.tmp").touch()
    one = [Decision(item(tmp_path, 0), "todo")]
    with Lookahead(iter(one), lambda decision: None, ReadyFolders(tag="1-of-2")) as lookahead:
        assert len([*lookahead]) == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".imgtrans-2-of-2-0123456789abcdef.tmp"]
    with Lookahead(iter(one), lambda decision: None, ReadyFolders()) as lookahead:  # a whole run has it alone
        assert len([*lookahead]) == 1
    assert [*(tmp_path / "out").iterdir()] == []


def test_while_nothing_is_found_somebody_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.001)
    told = threading.Event()

    def slow() -> Iterator[Decision]:
        assert told.wait(10)
        yield Decision(item(tmp_path, 0), "todo")

    with Lookahead(slow(), lambda decision: None, ReadyFolders()) as lookahead:
        assert lookahead.finds_anything(told.set)


def test_a_plan_is_not_waited_for_once_it_is_as_far_ahead_as_it_may_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AHEAD", 3)
    many = (Decision(item(tmp_path, number), "todo") for number in range(10))
    with Lookahead(many, lambda decision: None, ReadyFolders()) as lookahead:
        began = time.monotonic()
        lookahead.wait(60)
        assert time.monotonic() - began < 30
        assert lookahead.found == 3
        assert len([*lookahead]) == lookahead.found == 10
