"""Whoever supervises hears what ended a watcher, whenever that was."""

import threading
from pathlib import Path

import pytest

from imgtrans.errors import FilesError
from imgtrans.watching.service.notify import Notifier
from imgtrans.watching.service.standing import Standing
from imgtrans.watching.service.status import StatusFile
from imgtrans.watching.service.supervisor import Supervisor, Watcher


def test_an_error_that_comes_while_it_looks_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = threading.Event()

    def work(stop: threading.Event) -> None:
        looks.wait(20)
        raise FilesError("out is in use by another run")

    watcher = Watcher(tmp_path, Standing(str(tmp_path), "out", "tiny"), work)

    def beat(file: StatusFile, at_once: bool = False) -> None:
        looks.set()
        assert watcher.thread is not None
        watcher.thread.join(20)

    supervisor = Supervisor([watcher], tmp_path, Notifier.of({}))
    supervisor.start()
    monkeypatch.setattr(StatusFile, "beat", beat)
    with pytest.raises(FilesError, match="in use"):
        while supervisor.beat():
            pass
    supervisor.close()
