import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from imgtrans.errors import FilesError
from imgtrans.journal.entry import process_of
from imgtrans.watching.service import status
from imgtrans.watching.service.standing import HUNG_SECONDS, IDLE, STOPPED, WAITING, Standing
from imgtrans.watching.service.status import BEAT_SECONDS, STALE_SECONDS, StatusFile, read_health, watching
from tests.watching.service.test_standing import Clock


def standing(inbox: Path) -> Standing:
    return Standing(str(inbox), "/out", "tiny", state=IDLE)


def test_what_is_written_is_read_by_somebody_else(tmp_path: Path) -> None:
    stands = standing(tmp_path)
    stands.done(100, 0.25)
    file = StatusFile(stands, tmp_path)
    file.beat()
    assert file.path.stat().st_mode & 0o777 == 0o644
    health = read_health(tmp_path, [tmp_path / "nowhere", tmp_path])
    assert (health.problem, health.running) == ("", True)
    assert health.content["translated"] == 1
    assert health.content["pid"] == os.getpid()
    assert sorted(path.name for path in tmp_path.iterdir()) == [file.path.name]  # no temporaries


def test_it_is_written_when_it_changes_and_now_and_then_but_not_all_the_time(tmp_path: Path) -> None:
    clock = Clock()
    stands = standing(tmp_path)
    file = StatusFile(stands, tmp_path, clock)
    written = []
    for step in range(400):  # 40 seconds, a change in each of the first 20
        clock.now += 0.1
        stands.translated += step < 200
        before = file.path.stat().st_ino if file.path.exists() else 0
        file.beat()
        written.append(file.path.stat().st_ino != before)
    assert 18 <= sum(written[:200]) <= 21
    assert 1 <= sum(written[200:]) <= 20 / BEAT_SECONDS + 1
    stands.state = STOPPED
    file.beat(at_once=True)
    assert json.loads(file.path.read_text())["state"] == STOPPED


def test_a_disk_that_takes_nothing_does_not_matter(tmp_path: Path) -> None:
    StatusFile(standing(tmp_path), tmp_path / "nowhere").beat()
    assert not status.replaced(tmp_path / "nowhere" / "x", "text")


def test_a_health_check_tells_what_is_wrong(tmp_path: Path) -> None:
    stands = standing(tmp_path)
    file = StatusFile(stands, tmp_path)
    folders = [tmp_path]
    file.beat()
    beat = json.loads(file.path.read_text())["beat"]
    assert "has not said anything for" in read_health(tmp_path, folders, beat + STALE_SECONDS + 1).problem
    stands.alive -= HUNG_SECONDS + 1
    file.beat(at_once=True)
    assert "nothing has happened for" in read_health(tmp_path, folders).problem
    stands.lives()
    stands.state, stands.why = WAITING, "/out is full"
    file.beat(at_once=True)
    health = read_health(tmp_path, folders)
    assert (health.problem, health.running) == ("/out is full", True)
    stands.state, stands.why = STOPPED, ""
    file.beat(at_once=True)
    health = read_health(tmp_path, folders)
    assert "was stopped" in health.problem
    assert not health.running


def test_a_daemon_that_was_killed_is_not_taken_for_running(tmp_path: Path) -> None:
    stands = standing(tmp_path)
    code = "from imgtrans.journal.entry import process_of; print(process_of())"
    stands.process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()
    StatusFile(stands, tmp_path).beat()
    health = read_health(tmp_path, [tmp_path])
    assert "has ended without a word" in health.problem
    assert not health.running
    stands.process = process_of().replace(" ", "-elsewhere ", 1)  # of another machine nobody can know
    StatusFile(stands, tmp_path).beat()
    assert not read_health(tmp_path, [tmp_path]).problem


def test_what_nobody_has_watched_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    file = StatusFile(standing(tmp_path), tmp_path / "broken")
    for content in ("", "[]", '{"beat": "x"}', "{"):
        file.path.write_text(content)
        with pytest.raises(FilesError, match="nobody has watched"):
            read_health(tmp_path, [tmp_path / "broken"])


def test_of_several_that_have_written_the_last_is_believed(tmp_path: Path) -> None:
    for name, count in (("system", 1), ("user", 2)):
        (tmp_path / name).mkdir()
        stands = standing(tmp_path)
        stands.translated = count
        StatusFile(stands, tmp_path / name).beat()
    for folders in (["system", "user"], ["user", "system"]):
        assert read_health(tmp_path, [tmp_path / name for name in folders]).content["translated"] == 2


def test_another_process_that_watches_is_known_wherever_it_has_written(tmp_path: Path) -> None:
    stands = standing(tmp_path)
    file = StatusFile(stands, tmp_path)
    file.beat()
    assert watching(tmp_path, [tmp_path]) == ""  # this one
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        host = process_of().rsplit(" ", 2)[0]
        stands.process = f"{host} {other.pid} {psutil.Process(other.pid).create_time():.2f}"
        file.beat(at_once=True)
        assert watching(tmp_path, [tmp_path / "nowhere", tmp_path]) == stands.process
        stands.state = STOPPED
        file.beat(at_once=True)
        assert watching(tmp_path, [tmp_path]) == ""
        stands.state = IDLE
        file.beat(at_once=True)
    assert watching(tmp_path, [tmp_path]) == ""  # it has ended
