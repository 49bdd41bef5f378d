import os
import socket
from pathlib import Path

import pytest

from imgtrans.finding.selection import EVERYTHING, Selection
from imgtrans.watching.seeing.looking import Looker, between_looks


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "inbox" / "deep" / "er").mkdir(parents=True)
    for name in ("b.png", "a.png", "deep/c.png", "deep/er/d.png"):
        (tmp_path / "inbox" / name).write_bytes(b"x")
    return tmp_path / "inbox"


def names(looker: Looker) -> list[str]:
    return [one.relative for one in looker.all()]


def test_a_look_yields_every_file_in_order_and_opens_none(inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*arguments: object) -> int:
        raise AssertionError(arguments)

    monkeypatch.setattr(os, "open", opened)
    assert names(Looker(inbox, set(), EVERYTHING)) == ["a.png", "b.png", "deep/c.png", "deep/er/d.png"]


def test_looks_take_less_than_a_five_hundredth_of_the_time_and_come_every_five_minutes_at_most() -> None:
    assert between_looks(0.01) == 300.0
    for cpu in (0.5, 2.0, 20.0):
        assert cpu / between_looks(cpu) < 0.002


def test_closed_folders_and_what_is_not_selected_are_left_out(inbox: Path) -> None:
    assert names(Looker(inbox, {os.path.realpath(inbox / "deep")}, EVERYTHING)) == ["a.png", "b.png"]
    assert names(Looker(inbox, set(), Selection(include=("deep/**",)))) == ["deep/c.png", "deep/er/d.png"]
    assert names(Looker(inbox, set(), Selection(exclude=("deep",)))) == ["a.png", "b.png"]


def test_pipes_sockets_and_links_out_of_the_folder_are_passed_over_and_told(inbox: Path, tmp_path: Path) -> None:
    os.mkfifo(inbox / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(inbox / "s.jpg"))
        (tmp_path / "secret").mkdir()
        (tmp_path / "secret" / "s.png").write_bytes(b"x")
        (inbox / "link.png").symlink_to(tmp_path / "secret" / "s.png")
        (inbox / "linked").symlink_to(tmp_path / "secret")
        (inbox / "inside.png").symlink_to(inbox / "a.png")
        told: list[str] = []
        looker = Looker(inbox, set(), EVERYTHING, lambda path, why: told.append(why))
        assert names(looker) == ["a.png", "b.png", "inside.png", "deep/c.png", "deep/er/d.png"]
    assert len(told) == 4
    assert list(looker.at(inbox / "linked" / "s.png")) == []
    assert list(looker.at(inbox / "pipe.jpg")) == []


def test_at_a_path_is_a_file_or_all_of_a_folder_and_nothing_outside(inbox: Path, tmp_path: Path) -> None:
    looker = Looker(inbox, {os.path.realpath(inbox / "deep" / "er")}, EVERYTHING)
    assert [one.relative for one in looker.at(inbox / "a.png")] == ["a.png"]
    assert [one.relative for one in looker.at(inbox / "deep")] == ["deep/c.png"]
    for path in (inbox / "deep" / "er" / "d.png", inbox / "gone.png", tmp_path / "x", inbox / ".imgtrans" / "lock"):
        assert list(looker.at(path)) == []
