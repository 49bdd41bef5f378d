import contextlib
import os
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from imgtrans.errors import OptionError
from imgtrans.watching.sources.ondone import OnDone, parsed

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs a shell")


def script(folder: Path, text: str) -> str:
    path = folder / "done.sh"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_a_command_gets_its_words_and_the_paths_in_its_environment(tmp_path: Path) -> None:
    command = script(tmp_path, f'printf "%s|" "$1" "$2" "$IMGTRANS_OUTPUT" >>{tmp_path / "told"}')
    failures: list[str] = []
    done = OnDone(parsed(f"{command} 'two words' '$HOME;'"), 30, failures.append)
    done.add({"IMGTRANS_OUTPUT": "out/a b.jpg"})
    assert done.close(30) == 0
    assert (tmp_path / "told").read_text() == "two words|$HOME;|out/a b.jpg|"
    assert failures == []


def test_what_is_between_systemd_and_the_daemon_is_not_handed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/systemd/notify")
    done = OnDone([script(tmp_path, f'echo "[$NOTIFY_SOCKET]" >{tmp_path / "told"}')], 30, print)
    done.add({})
    done.close(30)
    assert (tmp_path / "told").read_text() == "[]\n"


def test_its_failure_is_told_and_the_next_is_run_all_the_same(tmp_path: Path) -> None:
    failures: list[str] = []
    done = OnDone([script(tmp_path, f"echo x >>{tmp_path / 'told'}; exit 3")], 30, failures.append)
    for name in ("a.jpg", "b.jpg"):
        done.add({"IMGTRANS_OUTPUT": name})
    assert done.close(30) == 0
    assert [failure.partition("ended")[2] for failure in failures] == [" with 3 (a.jpg)", " with 3 (b.jpg)"]
    assert (tmp_path / "told").read_text() == "x\nx\n"


def test_one_that_hangs_is_ended_with_all_that_it_has_started(tmp_path: Path) -> None:
    command = script(tmp_path, f"sleep 600 & echo $! >{tmp_path / 'child'}\nwait")
    failures: list[str] = []
    done = OnDone([command], 0.5, failures.append)
    done.add({"IMGTRANS_OUTPUT": "a.jpg"})
    assert done.close(30) == 0
    assert failures == [f"--on-done: {command} was ended, as it took longer than 0.5 s (a.jpg)"]
    child = int((tmp_path / "child").read_text())
    with contextlib.suppress(psutil.NoSuchProcess):
        _, alive = psutil.wait_procs([psutil.Process(child)], timeout=20)
        assert all(process.status() == psutil.STATUS_ZOMBIE for process in alive)


def test_it_is_not_waited_for_longer_than_there_is_time(tmp_path: Path) -> None:
    began = tmp_path / "began"
    done = OnDone([script(tmp_path, f"touch {began}; exec sleep 600")], 600, print)
    for _ in range(3):
        done.add({})
    while not began.exists():
        threading.Event().wait(0.01)
    assert done.waiting == 3
    started = time.monotonic()
    assert done.close(0.2) == 3
    assert time.monotonic() - started < 5


def test_a_command_that_cannot_be_is_a_sentence() -> None:
    for command in ("", "echo 'open", "no-such-program-anywhere --now"):
        with pytest.raises(OptionError) as told:
            parsed(command)
        assert told.value.option == "on_done"
        assert told.value.hint
    assert parsed(f"{sys.executable} -c pass") == [sys.executable, "-c", "pass"]
