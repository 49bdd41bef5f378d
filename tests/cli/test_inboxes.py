from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from imgtrans.cli import inboxes, watchrun
from imgtrans.watching.inbox import Inbox
from tests.conftest import Ended

Cli = Callable[..., Ended]

TWO = """\
model = "top"
[watch]
settle = 5
include = ["*.jpg"]
[watch.scans]
inbox = "scans"
model = "tiny"
size = 512
output = "scans-out"
[watch.camera]
inbox = "camera"
settle = 1
exclude = "*.png"
idle-unload = 60
"""


class Watched:
    """What would be watched, in place of watching it."""

    def __init__(self) -> None:
        self.ctx: typer.Context | None = None
        self.inboxes: list[Inbox] = []

    def __call__(self, ctx: typer.Context, inboxes: list[Inbox], **_: object) -> None:
        self.ctx, self.inboxes = ctx, inboxes


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watched:
    watched = Watched()
    monkeypatch.setattr(watchrun, "run_watching", watched)
    monkeypatch.chdir(tmp_path)
    return watched


def test_each_inbox_has_what_its_table_says_and_else_what_watch_says(cli: Cli, watched: Watched) -> None:
    Path("imgtrans.toml").write_text(TWO)
    assert cli("watch").code == 0
    scans, camera = watched.inboxes
    assert (scans.name, scans.folder, scans.request.inputs) == ("scans", Path("scans"), [Path("scans")])
    assert (scans.request.model, scans.request.size, scans.request.output) == ("tiny", "512", Path("scans-out"))
    assert (scans.conduct.settle, scans.conduct.idle_unload) == (5, None)
    assert (camera.request.model, camera.request.size, camera.request.output) == ("top", "auto", None)
    assert (camera.conduct.settle, camera.conduct.idle_unload) == (1, 60)
    assert ([*camera.request.include], [*camera.request.exclude]) == (["*.jpg"], ["*.png"])


def test_the_command_line_and_the_environment_are_for_all_inboxes(
    cli: Cli, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("imgtrans.toml").write_text(TWO)
    monkeypatch.setenv("IMGTRANS_WATCH_SETTLE", "7")
    assert cli("watch", "--model", "mine").code == 0
    assert {(one.request.model, one.conduct.settle) for one in watched.inboxes} == {("mine", 7)}


def test_a_folder_on_the_command_line_is_the_only_one(cli: Cli, watched: Watched) -> None:
    Path("imgtrans.toml").write_text(TWO)
    assert cli("watch", "here").code == 0
    (one,) = watched.inboxes
    assert (one.folder, one.request.model, one.conduct.settle) == (Path("here"), "top", 5)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "there is no folder to watch"),
        ('[watch.a]\ninbox = "a"\nstrength = 7\n', "imgtrans.toml: 'strength' in [watch.a] is 7"),
        ('[watch.a]\ninbox = "a"\nretries = -1\n', "imgtrans.toml: 'retries' in [watch.a] is -1"),
        ('[watch.a]\ninbox = "a"\njson = true\n', "imgtrans.toml: 'json' in [watch.a] cannot differ"),
        ('[watch.a]\ninbox = "a"\n[watch.b]\ninbox = "./a"\n', "[watch.a] watches a, which [watch.b] does, too"),
        ('[watch.a]\ninbox = "a/b"\n[watch.b]\ninbox = "a"\n', "[watch.a] watches a/b, which [watch.b] does, too"),
        ('[watch.a]\ninbox = "-"\n', "watch reads and writes folders, and - is none"),
    ],
)
def test_what_makes_no_sense_is_told_with_its_place(cli: Cli, watched: Watched, text: str, told: str) -> None:
    Path("imgtrans.toml").write_text(text)
    ended = cli("watch")
    assert ended.code == 2
    assert told in ended.err


def test_a_configuration_that_changes_is_read_again(cli: Cli, watched: Watched) -> None:
    Path("imgtrans.toml").write_text(TWO)
    assert cli("watch", "--batch-size", "3").code == 0
    assert watched.ctx
    Path("imgtrans.toml").write_text(TWO.replace("512", "600").replace("[watch.camera]", "[watch.c]"))
    scans, camera = inboxes.again(watched.ctx)
    assert (scans.request.size, scans.request.batch_size, camera.name) == ("600", 3, "c")
    Path("imgtrans.toml").write_text("[watch]\nsetle = 1\n")
    with pytest.raises(Exception, match="unknown key 'setle'"):
        inboxes.again(watched.ctx)
    Path("imgtrans.toml").write_text(TWO)
    assert len(inboxes.again(watched.ctx)) == 2
