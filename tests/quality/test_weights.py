"""Weights of extractors: fetched once and looked over, or the user's file; never code."""

import hashlib
import pickle
from pathlib import Path

import pytest
import torch

from imgtrans.errors import ModelError, UnavailableError
from imgtrans.quality.extractor import Means
from imgtrans.quality.weights import at_url, weights_for
from tests.zoo.server import Server, file


def served(server: Server, tiny_weights: Path, digest: str = "") -> str:
    content = tiny_weights.read_bytes()
    mark = digest or hashlib.sha256(content).hexdigest()[:8]
    return server.serve(f"/releases/weights-2015-12-05-{mark}.pth", file(content))


def test_they_are_fetched_once(server: Server, tiny_weights: Path, home: Path):
    url = served(server, tiny_weights)
    said: list[str] = []
    means = Means(say=said.append)
    first = weights_for(means, "weights.pth", lambda: at_url(url))
    again = weights_for(means, "weights.pth", lambda: pytest.fail("it is there"))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert said == [f"fetching {url}, once"]
    assert len(server.requests) == 1


def test_what_is_not_what_it_should_be_is_not_kept(server: Server, tiny_weights: Path, home: Path):
    url = served(server, tiny_weights, "12345678")
    for _ in range(2):
        with pytest.raises(ModelError, match="its checksum is another") as caught:
            weights_for(Means(), "weights.pth", lambda: at_url(url))
        assert "--features FILE" in caught.value.hint
    assert [*home.rglob("weights.pth")] == []


def test_who_is_without_a_network_is_told_of_the_file(server: Server):
    url = f"{server.address}/gone-12345678.pth"
    server.server_close()
    with pytest.raises(UnavailableError, match="cannot be reached") as caught:
        weights_for(Means(), "weights.pth", lambda: at_url(url))
    assert caught.value.hint == "where there is no network, give the file that was fetched elsewhere: --features FILE"


def test_the_users_own_file_is_read_and_nothing_fetched(tiny_weights: Path):
    weights = weights_for(Means(weights=tiny_weights), "weights.pth", lambda: pytest.fail("there is a file"))
    assert weights


def test_code_in_a_file_is_not_run(tmp_path: Path):
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "sprung",)  # type: ignore[return-value]

    (tmp_path / "trap.pth").write_bytes(pickle.dumps({"weight": Trap()}))
    with pytest.raises(ModelError):
        weights_for(Means(weights=tmp_path / "trap.pth"), "weights.pth", lambda: pytest.fail("there is a file"))
    assert not (tmp_path / "sprung").exists()
