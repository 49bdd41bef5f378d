import os
import sys
from pathlib import Path

import pytest

from imgtrans.batch.asked import Request
from imgtrans.cli.watchservice import service_of
from imgtrans.watching.conduct import Conduct
from imgtrans.watching.inbox import Inbox
from imgtrans.zoo.store import Model


def inbox(folder: Path, conduct: Conduct, device: str = "auto") -> Inbox:
    folder.mkdir(exist_ok=True)
    return Inbox(folder, Request(inputs=[folder], model="tiny", output=folder.parent / "out", device=device), conduct)


def test_what_was_typed_is_what_is_started(tmp_path: Path, tiny: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    program = tmp_path / "bin" / "imgtrans"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for install in (["--install", "systemd"], ["--install=systemd"]):
        service = service_of(
            [inbox(Path("inbox"), Conduct(grace=12))],
            network=False,
            arguments=["bin/imgtrans", "--config", "my.toml", "watch", "inbox", *install, "-o", "out"],
            environment={"IMGTRANS_WATCH_MODEL": "tiny", "HOME": "/home/me", "SUDO_USER": "me"},
        )
        assert service.words == [str(program), "--config", "my.toml", "watch", "inbox", "-o", "out"]
    assert service.folder == tmp_path
    assert (service.reads, service.writes) == ([tmp_path / "inbox"], [tmp_path / "out"])
    assert service.environment == {"IMGTRANS_WATCH_MODEL": "tiny"}
    assert (service.user, service.grace, service.network, service.only_cpu) == ("me", 12, False, False)
    on_cpu = inbox(Path("inbox"), Conduct(), device="cpu")
    assert service_of([on_cpu], network=False, arguments=["x"], environment={}).only_cpu


def test_an_inbox_is_written_to_only_if_something_is_taken_out_of_it(tmp_path: Path, tiny: Model) -> None:
    folder, out = tmp_path / "inbox", tmp_path / "out"
    conducts = {
        Conduct(): {out},
        Conduct(delete=True): {out, folder},
        Conduct(archive=tmp_path / "done"): {out, folder, tmp_path / "done"},
        Conduct(failed=tmp_path / "bad", metrics=tmp_path / "m" / "x.prom"): {
            out,
            folder,
            tmp_path / "bad",
            tmp_path / "m",
        },
    }
    for conduct, written in conducts.items():
        service = service_of([inbox(folder, conduct)], network=False, arguments=["x"], environment={})
        assert set(service.writes) == written
        assert service.words == [sys.executable, "-m", "imgtrans"]
    conduct = Conduct(on_done="true")
    assert service_of([inbox(folder, conduct)], network=False, arguments=["x"], environment={}).network


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="is about root")
def test_root_is_not_who_runs_it(tmp_path: Path, tiny: Model) -> None:
    service = service_of([inbox(tmp_path / "inbox", Conduct())], network=False, arguments=["x"], environment={})
    assert service.user == ""
