"""The Hub: the only checkpoint of a repository is found, what the Hub says of it is checked, and it may be away."""

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgtrans.errors import ModelError, UnavailableError, UsageError
from imgtrans.zoo import pulled
from imgtrans.zoo.hub import resolve
from imgtrans.zoo.pull import pull
from tests.zoo.server import Server, file, redirect, status

huggingface_hub = pytest.importorskip("huggingface_hub", reason="the extra hf is not installed")

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub(server: Server, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A Hub on loopback, for somebody who is not logged in."""
    monkeypatch.setenv("HF_ENDPOINT", server.address)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(home / "token"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    huggingface_hub.close_session()  # one that another test has opened knows its proxies
    yield server
    huggingface_hub.close_session()


def repository(hub: Server, content: bytes, *names: str, sha256: str = "") -> None:
    """Let the Hub have ``me/fog`` with files of one content."""
    digest = sha256 or hashlib.sha256(content).hexdigest()
    siblings = [
        {
            "rfilename": name,
            "size": len(content),
            "lfs": {"size": len(content), "sha256": digest, "pointerSize": 130},
        }
        for name in names
    ]
    info = {"id": "me/fog", "modelId": "me/fog", "sha": COMMIT, "siblings": siblings, "tags": [], "private": False}
    page = file(json.dumps(info).encode(), headers={"Content-Type": "application/json"})
    hub.serve("/api/models/me/fog", page)
    for name in names:
        hub.serve(f"/me/fog/resolve/{COMMIT}/{name}", redirect(f"/cdn/{name}"))
        hub.serve(f"/cdn/{name}", file(content))


def test_the_only_checkpoint_of_a_repository_becomes_a_model(hub: Server, tiny_weights: Path):
    content = tiny_weights.read_bytes()
    repository(hub, content, "README.md", "config.json", "gen/G.safetensors", "net.onnx")
    assert pull("hf://me/fog").model.name == "fog"
    assert pulled.recorded("hf://me/fog/gen/G.safetensors").sha256 == hashlib.sha256(content).hexdigest()  # type: ignore[union-attr]


def test_a_file_can_be_named(hub: Server, tiny_weights: Path):
    repository(hub, tiny_weights.read_bytes(), "G_AB.pth", "gen/G_BA.pth")
    assert pull("hf://me/fog/gen/G_BA.pth").model.name == "G_BA"
    assert [path for path, _ in hub.requests][-1] == "/cdn/gen/G_BA.pth"


def test_of_several_the_user_says_which(hub: Server):
    repository(hub, b"", "b.pth", "a.pth", "README.md")
    with pytest.raises(UsageError, match=r"me/fog holds several checkpoints: a\.pth, b\.pth") as error:
        resolve("hf://me/fog")
    assert error.value.hint == "say which: hf://me/fog/a.pth"


def test_a_repository_without_a_checkpoint_is_told(hub: Server):
    repository(hub, b"", "README.md")
    with pytest.raises(ModelError, match="me/fog holds no checkpoint"):
        resolve("hf://me/fog")


def test_a_file_that_is_not_there_is_told_with_those_that_are(hub: Server):
    repository(hub, b"", "a.pth")
    with pytest.raises(ModelError, match=r"me/fog has no file b\.pth") as error:
        resolve("hf://me/fog/b.pth")
    assert error.value.hint == "it has a.pth"


def test_what_is_not_what_the_hub_says_is_refused(hub: Server, tiny_weights: Path):
    repository(hub, tiny_weights.read_bytes(), "a.pth", sha256="0" * 64)
    with pytest.raises(ModelError, match=r"/a\.pth did not come as it was sent"):
        pull("hf://me/fog")


def test_the_users_token_is_sent_to_the_hub_and_nobody_else(hub: Server, tiny_weights: Path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    repository(hub, tiny_weights.read_bytes(), "a.pth")
    with Server() as other:
        hub.serve(f"/me/fog/resolve/{COMMIT}/a.pth", redirect(other.serve("/a.pth", file(tiny_weights.read_bytes()))))
        pull("hf://me/fog")
        assert hub.asked(f"/me/fog/resolve/{COMMIT}/a.pth")[0]["Authorization"] == "Bearer hf_secret"
        assert "Authorization" not in other.asked("/a.pth")[0]


@pytest.mark.parametrize("code", [401, 403, 404])
def test_a_repository_that_is_not_there_is_a_sentence(hub: Server, code: int):
    hub.serve("/api/models/me/fog", status(code))
    with pytest.raises(ModelError, match="the Hub shows no repository me/fog"):
        resolve("hf://me/fog")


def test_a_hub_in_trouble_is_a_sentence(hub: Server):
    hub.serve("/api/models/me/fog", status(500))
    with pytest.raises(UnavailableError, match="the Hub cannot say what me/fog holds"):
        resolve("hf://me/fog")


def test_a_hub_out_of_reach_is_a_sentence(hub: Server, monkeypatch: pytest.MonkeyPatch):
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{port}")
    with pytest.raises(UnavailableError, match="the Hub cannot be reached: "):
        resolve("hf://me/fog")


@pytest.mark.parametrize("reference", ["hf://", "hf://me", "hf://me/", "hf://m e/fog", "hf://me/fog--x"])
def test_a_reference_that_is_none_is_refused(hub: Server, reference: str):
    with pytest.raises(UsageError, match="is no file of the Hub"):
        resolve(reference)


def test_without_the_extra_a_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UnavailableError, match="hf:// needs huggingface_hub") as error:
        resolve("hf://me/fog")
    assert error.value.hint == 'pip install "imgtrans[hf]"'
