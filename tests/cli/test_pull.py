"""``imgtrans models pull`` and ``catalogue``, and models that are pulled when they are first used."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from imgtrans.zoo import catalogue, store
from imgtrans.zoo.store import Model
from tests.conftest import Ended
from tests.pictures import save
from tests.zoo.server import Server, file, status, without_proxies

Cli = Callable[..., Ended]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    without_proxies(monkeypatch)
    with Server() as server:
        yield server


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a folder of pictures in it."""
    save(tmp_path / "photos" / "a.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def listed(server: Server, tiny_weights: Path, home: Path) -> Path:
    """The user's configuration, with a catalogue that has ``fog2sun``."""
    url = server.serve("/G.safetensors", file(tiny_weights.read_bytes()))
    own = home / "config" / "imgtrans"
    own.mkdir()
    (own / "mine.toml").write_text(f'[models.fog2sun]\nurl = "{url}"\nfrom = "fog"\nto = "sun"\nlicence = "CC0"\n')
    (own / "imgtrans.toml").write_text('catalogues = ["mine.toml"]\n')
    return own / "imgtrans.toml"


# pull


def test_a_pulled_model_is_described_and_its_name_is_the_result(cli: Cli, listed: Path):
    ended = cli("models", "pull", "fog2sun")
    assert (ended.code, ended.out) == (0, "fog2sun\n")
    assert "/G.safetensors is a resnet" in ended.err
    assert "it is in the zoo as fog2sun" in ended.err
    assert "its licence: CC0" in ended.err
    assert store.find("fog2sun").card.target == "sun"


def test_as_json_it_is_an_object(cli: Cli, listed: Path):
    ended = cli("models", "pull", "fog2sun", "--name", "sunny", "--json")
    (line,) = ended.out.splitlines()
    described = json.loads(line)
    assert (described["name"], described["licence"], described["bundled"]) == ("sunny", "CC0", False)
    assert "/G.safetensors" in described["provenance"]


def test_a_url_is_pulled_under_the_files_name(cli: Cli, server: Server, listed: Path):
    assert cli("models", "pull", f"{server.address}/G.safetensors", "--quiet").out == "G\n"


def test_what_the_user_knows_of_it_goes_before_what_the_catalogue_says(cli: Cli, listed: Path):
    options = ["--assume", "padding=replicate", "--assume", "channel-order=BGR", "--from", "mist", "--to", "sunshine"]
    assert cli("models", "pull", "fog2sun", *options).code == 0
    card = store.find("fog2sun").card
    assert (card.source, card.target, card.channel_order) == ("mist", "sunshine", "BGR")
    assert card.parameters["padding"] == "replicate"


def test_a_connection_that_is_refused_has_its_exit_code(cli: Cli):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        ended = cli("models", "pull", f"http://127.0.0.1:{closed.getsockname()[1]}/net.pth")
    assert ended.code == 5
    assert ended.err.startswith("error: 127.0.0.1 cannot be reached: ")


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["a folder/net.pth"], 2, "imgtrans models import 'a folder/net.pth'"),
        (["horse2zebr"], 3, "error: no catalogue has a model called 'horse2zebr'\n  did you mean horse2zebra?\n"),
        (["fog2son"], 3, "error: no catalogue has a model called 'fog2son'\n  did you mean fog2sun?\n"),
        (["summer2winter"], 4, "error: a model called 'summer2winter' comes with imgtrans\n  choose another name\n"),
        (["fog2sun", "--sha256", "00"], 2, "error: '00' is no SHA-256\n  it has 64 hexadecimal digits\n"),
        (["fog2sun", "--sha256", "0" * 64], 3, "is not the file that it should be"),
        (["net.pth"], 2, "imgtrans models import net.pth"),
    ],
)
def test_what_cannot_be_pulled_is_a_sentence(cli: Cli, listed: Path, arguments: list[str], code: int, sentence: str):
    ended = cli("models", "pull", *arguments)
    assert (ended.code, ended.out) == (code, "")
    assert sentence in ended.err
    assert "Traceback" not in ended.err


def test_an_address_that_leads_nowhere_is_a_sentence(cli: Cli, server: Server):
    url = server.serve("/gone.pth", status(404))
    ended = cli("models", "pull", url)
    assert ended.code == 3
    assert ended.err.splitlines()[0] == f"error: {url} cannot be downloaded: the server says 404 Not Found"


def imgtrans(*arguments: object, **options: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "imgtrans", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)  # type: ignore[call-overload, no-any-return]


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_ctrl_c_keeps_what_has_come_and_says_so(cli: Cli, server: Server, tiny_weights: Path, home: Path):
    content = tiny_weights.read_bytes()
    gate = threading.Event()
    url = server.serve("/fog2sun.safetensors", file(content, gate=gate), file(content))
    process = imgtrans("models", "pull", url)
    part = home / "data" / "downloads" / "fog2sun" / "fog2sun.safetensors.part"
    while not (part.exists() and part.stat().st_size):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    gate.set()
    assert (process.returncode, out) == (130, "")
    assert err == "stopped; what has come is kept, and the same command goes on from there\n"
    assert cli("models", "pull", url).code == 0
    assert server.asked("/fog2sun.safetensors")[1]["Range"].startswith("bytes=")


def test_out_of_reach_is_a_sentence_in_no_time(server: Server):
    """As long as the program needs to start, and no torch is imported for it."""
    environment = {**os.environ, "HTTP_PROXY": "http://127.0.0.1:9"}  # nobody listens there, and no name is looked up
    process = imgtrans("models", "pull", "horse2zebra", env=environment)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (5, "")
    assert err.startswith("error: efrosgans.eecs.berkeley.edu cannot be reached: ")
    assert len(err.splitlines()) == 2


# catalogue


def test_the_catalogue_in_a_pipe_is_a_line_for_each_model(cli: Cli, listed: Path):
    lines = [line.split("\t") for line in cli("models", "catalogue").out.splitlines()]
    assert ["fog2sun", "fog into sun", "?", "no", "CC0"] in lines
    assert "horse2zebra" in [name for name, *_ in lines]


def test_the_catalogue_as_json_is_an_object_for_each_model(cli: Cli, server: Server, listed: Path):
    entries = {entry["name"]: entry for entry in map(json.loads, cli("models", "catalogue", "--json").out.splitlines())}
    assert len(entries) == len([*catalogue.entries()]) + 1
    assert entries["horse2zebra"]["dialect"] == "junyanz"
    assert entries["fog2sun"]["url"] == f"{server.address}/G.safetensors"
    assert entries["fog2sun"]["catalogue"] == str(listed.parent / "mine.toml")


def test_a_malformed_catalogue_is_a_sentence(cli: Cli, listed: Path):
    (listed.parent / "mine.toml").write_text("[models.fog2sun]\n")
    ended = cli("models", "catalogue")
    assert (ended.code, ended.out) == (2, "")
    assert "mine.toml is malformed: 'fog2sun' has no url" in ended.err
    assert len(ended.err.splitlines()) == 1


def test_a_file_in_the_working_folder_cannot_name_catalogues(cli: Cli, listed: Path):
    Path("imgtrans.toml").write_text(f'catalogues = ["{listed.parent / "mine.toml"}"]\n')
    ended = cli("models", "catalogue")
    assert ended.code == 2
    assert "'catalogues' cannot be set by a file in the working folder" in ended.err
    assert cli("--config", "imgtrans.toml", "models", "catalogue").code == 0


# First use


def test_a_model_of_the_catalogue_is_not_pulled_without_a_word(cli: Cli, server: Server, listed: Path):
    ended = cli("run", "photos", "--model", "fog2sun")
    assert (ended.code, ended.out) == (3, "")
    assert ended.err == (
        "error: 'fog2sun' is not in the zoo yet\n  imgtrans models pull fog2sun gets it, or --yes does\n"
    )
    assert server.requests == []


def test_with_yes_it_is_pulled_and_used(cli: Cli, listed: Path):
    ended = cli("run", "photos", "--model", "fog2sun", "--yes")
    assert (ended.code, ended.out) == (0, "photos-fog2sun\n")
    assert Path("photos-fog2sun/a.png").exists()
    assert "fog2sun is in the zoo, from http://127.0.0.1" in ended.err


def test_the_users_configuration_can_say_yes(cli: Cli, listed: Path):
    listed.write_text(listed.read_text() + 'model = "fog2sun"\n[run]\nyes = true\n')
    assert cli("run", "photos").code == 0


def test_a_dry_run_pulls_nothing(cli: Cli, server: Server, listed: Path):
    ended = cli("run", "photos", "--model", "fog2sun", "--yes", "--dry-run")
    assert ended.code == 3
    assert "is not in the zoo yet" in ended.err
    assert server.requests == []


def test_watch_needs_a_word_too(cli: Cli, server: Server, listed: Path):
    ended = cli("watch", "photos", "--model", "fog2sun")
    assert ended.code == 3
    assert "imgtrans models pull fog2sun gets it, or --yes does" in ended.err
    assert server.requests == []


def test_what_no_catalogue_has_is_the_usual_error(cli: Cli, tiny: Model, listed: Path):
    ended = cli("run", "photos", "--model", "tny", "--yes")
    assert ended.code == 3
    assert ended.err.startswith("error: there is no model called 'tny'\n  did you mean tiny?")


@pytest.mark.parametrize("model", ["summer2winter", "tiny", "net.safetensors"])
def test_what_is_here_needs_no_catalogue(cli: Cli, tiny: Model, listed: Path, model: str):
    Path("net.safetensors").write_bytes(tiny.weights.read_bytes())
    (listed.parent / "mine.toml").write_text("malformed")
    assert cli("run", "photos", "--model", model, "--dry-run").code == 0


def at_a_terminal(answer: str, *arguments: object) -> tuple[int, str, str]:
    """Run a command with a terminal for input and messages; return its exit code, what is seen there, its results."""
    pty = pytest.importorskip("pty", reason="there are no pseudo terminals here")
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "imgtrans", *map(str, arguments)]
    process = subprocess.Popen(command, stdin=slave, stderr=slave, stdout=subprocess.PIPE, text=True)
    os.close(slave)
    os.write(master, answer.encode())
    out, _ = process.communicate(timeout=120)
    seen = b""
    while True:
        try:
            more = os.read(master, 65536)
        except OSError:  # so a terminal ends on Linux
            break
        if not more:
            break
        seen += more
    os.close(master)
    return process.returncode, seen.decode(), out


def test_at_a_terminal_the_user_is_asked_and_may_say_no(server: Server, listed: Path):
    code, seen, out = at_a_terminal("n\n", "run", "photos", "--model", "fog2sun")
    assert (code, out) == (3, "")
    assert "fog2sun is not in the zoo. Pull it from 127.0.0.1? [y/N]: " in seen
    assert "imgtrans models pull fog2sun gets it" in seen
    assert server.requests == []


def test_at_a_terminal_the_user_is_asked_and_may_say_yes(server: Server, listed: Path):
    code, seen, out = at_a_terminal("y\n", "run", "photos", "--model", "fog2sun", "--device", "cpu")
    assert (code, out) == (0, "photos-fog2sun\n"), seen
    assert Path("photos-fog2sun/a.png").exists()
