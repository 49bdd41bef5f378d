"""Pulling: from a name, a URL or the Hub into the zoo, the file's hash checked or remembered, nothing half done."""

import hashlib
import threading
import tomllib
from pathlib import Path

import pytest
import torch

from imgtrans.errors import FilesError, ModelError, UnavailableError, UsageError
from imgtrans.zoo import catalogue, pulled, store
from imgtrans.zoo.download import Limits
from imgtrans.zoo.loading import load_network
from imgtrans.zoo.pull import Source, pull
from tests.zoo.server import Server, file, redirect, status

PAGE = b"<!doctype html><title>Moved</title>"


@pytest.fixture(scope="session")
def payload(tiny_weights: Path) -> bytes:
    return tiny_weights.read_bytes()


@pytest.fixture(scope="session")
def other_payload(tiny_network: torch.nn.Module, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The same network as a PyTorch file: other bytes."""
    path = tmp_path_factory.mktemp("other") / "other.pth"
    torch.save(tiny_network.state_dict(), path)
    return path.read_bytes()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def downloads(home: Path) -> list[str]:
    """Return what lies in the folder of downloads, but for locks."""
    folder = home / "data" / "downloads"
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.suffix != ".lock" and p.is_file())


def listed(tmp_path: Path, **entry: object) -> str:
    """Write a catalogue with the model ``fog2sun``."""
    path = tmp_path / "mine.toml"
    path.write_text("[models.fog2sun]\n" + "".join(f"{key} = {value!r}\n" for key, value in entry.items()))
    return str(path)


# What goes well


def test_a_url_becomes_a_model(server: Server, home: Path, payload: bytes, tiny_network: torch.nn.Module):
    model = pull(server.serve("/some/fog2sun.safetensors", file(payload))).model
    assert model.name == "fog2sun"
    assert store.find("fog2sun") == model
    assert load_network(model).state_dict().keys() == tiny_network.state_dict().keys()
    assert downloads(home) == []


def test_a_name_of_a_catalogue_becomes_a_model_with_what_the_catalogue_says(
    server: Server, tmp_path: Path, other_payload: bytes
):
    url = server.serve("/latest_net_G.pth", file(other_payload))
    mine = listed(tmp_path, url=url, to="sun", licence="CC0", working_size=512, **{"from": "fog"})
    card = pull("fog2sun", catalogues=[mine]).model.card
    assert (card.name, card.source, card.target, card.licence, card.working_size) == (
        "fog2sun",
        "fog",
        "sun",
        "CC0",
        512,
    )


def test_the_catalogue_says_which_network_and_what_the_file_does_not_tell(
    server: Server, tmp_path: Path, tiny_network: torch.nn.Module
):
    state = tiny_network.state_dict()
    torch.save({"G_AB": state, "G_BA": {name: -tensor for name, tensor in state.items()}}, tmp_path / "both.pth")
    url = server.serve("/both.pth", file((tmp_path / "both.pth").read_bytes()))
    with pytest.raises(ModelError, match="G_AB"):
        pull(url)
    mine = listed(tmp_path, url=url, network="G_BA")
    with Path(mine).open("a") as catalogue_file:
        catalogue_file.write('assume = {value_range = "0,1"}\n')
    model = pull("fog2sun", catalogues=[mine]).model
    assert model.card.value_range == (0.0, 1.0)
    first = next(iter(state.values()))
    assert torch.equal(next(iter(load_network(model).state_dict().values())), -first)
    other = pull("fog2sun", "other", catalogues=[mine], network="G_AB").model  # the user's word is worth more
    assert torch.equal(next(iter(load_network(other).state_dict().values())), first)


def test_the_user_may_choose_the_name(server: Server, payload: bytes):
    assert pull(server.serve("/latest_net_G.pth", file(payload)), "fog2sun").model.name == "fog2sun"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/a/b.pth", "b"),
        ("/a/b.tar.pth?download=1", "b"),
        ("/n%C3%A9t.PTH", "nét"),
        ("/files/b", "b"),
        ("/b/", "b"),
    ],
)
def test_else_it_is_the_files(path: str, name: str):
    from imgtrans.zoo.pull import _name_of

    assert _name_of(f"https://example.org{path}") == name


def test_a_cut_line_and_a_redirect_are_no_trouble(server: Server, payload: bytes):
    server.serve("/there.pth", file(payload, upto=1000), status(503), file(payload))
    assert (
        pull(server.serve("/fog2sun.pth", redirect("/there.pth")), sleep=lambda seconds: None).model.name == "fog2sun"
    )


def test_a_download_that_was_cut_goes_on(server: Server, home: Path, payload: bytes):
    url = server.serve("/fog2sun.pth", file(payload, upto=1000), file(payload))
    with pytest.raises(UnavailableError):
        pull(url, limits=Limits(attempts=1))
    assert downloads(home) == ["fog2sun/fog2sun.pth.json", "fog2sun/fog2sun.pth.part"]
    assert pull(url).model.name == "fog2sun"
    assert server.asked("/fog2sun.pth")[1]["Range"] == "bytes=1000-"
    assert downloads(home) == []


# Hashes


def test_a_hash_is_recorded_on_first_use(server: Server, home: Path, payload: bytes):
    url = server.serve("/fog2sun.pth", file(payload))
    pull(url)
    assert pulled.recorded(url).sha256 == sha256(payload)  # type: ignore[union-attr]
    assert tomllib.loads((home / "data" / "pulled.toml").read_text())[url]["sha256"] == sha256(payload)


def test_other_bytes_than_last_time_are_refused_unless_the_user_wants_them(
    server: Server, home: Path, payload: bytes, other_payload: bytes
):
    url = server.serve("/fog2sun.pth", file(payload))
    pull(url)
    store.remove("fog2sun")
    server.serve("/fog2sun.pth", file(other_payload))
    with pytest.raises(ModelError, match=r"fog2sun\.pth is another file than on 20..-..-..: its SHA-256 is") as error:
        pull(url)
    assert "--accept-changed" in error.value.hint
    assert ("fog2sun" in store.names(), downloads(home)) == (False, [])
    assert pulled.recorded(url).sha256 == sha256(payload)  # type: ignore[union-attr]
    assert pull(url, accept_changed=True).model.name == "fog2sun"
    assert pulled.recorded(url).sha256 == sha256(other_payload)  # type: ignore[union-attr]


def test_the_same_bytes_again_are_welcome(server: Server, payload: bytes):
    url = server.serve("/fog2sun.pth", file(payload))
    pull(url)
    assert pull(url, "again").model.name == "again"


def test_a_hash_that_the_user_gives_is_checked(server: Server, home: Path, payload: bytes):
    url = server.serve("/fog2sun.pth", file(payload))
    with pytest.raises(ModelError, match=f"its SHA-256 is {sha256(payload)}, not {'0' * 64}"):
        pull(url, sha256="0" * 64)
    assert (store.names(), downloads(home), pulled.recorded(url)) == (store.names(), [], None)
    assert pull(url, sha256=sha256(payload).upper()).model.name == "fog2sun"


def test_a_hash_that_the_catalogue_gives_is_checked(server: Server, tmp_path: Path, payload: bytes):
    url = server.serve("/net.pth", file(payload))
    with pytest.raises(ModelError, match=r"net\.pth is not the file that it should be"):
        pull("fog2sun", catalogues=[listed(tmp_path, url=url, sha256="0" * 64)])
    assert pull("fog2sun", catalogues=[listed(tmp_path, url=url, sha256=sha256(payload))]).model.name == "fog2sun"


def test_a_hash_that_somebody_vouches_for_is_worth_more_than_the_last_one(
    server: Server, payload: bytes, other_payload: bytes
):
    pull(server.serve("/fog2sun.pth", file(payload)))
    url = server.serve("/fog2sun.pth", file(other_payload))
    assert pull(url, "new", sha256=sha256(other_payload)).model.name == "new"
    assert pulled.recorded(url).sha256 == sha256(other_payload)  # type: ignore[union-attr]


@pytest.mark.parametrize("text", ["nonsense = [", "a = 3", "[a]\nsha256 = 'b'"])
def test_records_that_are_damaged_are_not_overlooked(server: Server, home: Path, payload: bytes, text: str):
    (home / "data").mkdir()
    (home / "data" / "pulled.toml").write_text(text)
    with pytest.raises(FilesError, match=r"pulled\.toml (cannot be read|is damaged)"):
        pull(server.serve("/fog2sun.pth", file(payload)))
    assert "fog2sun" not in store.names()


def test_a_password_in_a_url_is_neither_recorded_nor_told(server: Server, home: Path, payload: bytes):
    url = server.serve("/fog2sun.pth", file(payload))
    secret = url.replace("http://", "http://me:secret@")
    server.serve("/fog2sun.pth", file(payload, upto=1000), file(payload))
    with pytest.raises(UnavailableError) as error:
        pull(secret, limits=Limits(attempts=1))
    assert "secret" not in error.value.message
    kept = [path.read_bytes() for path in (home / "data").rglob("*") if path.is_file()]
    assert not any(b"secret" in content for content in kept)
    assert "secret" not in pull(secret).model.card.provenance
    assert pulled.recorded(url)
    kept = [path.read_bytes() for path in (home / "data").rglob("*") if path.is_file()]
    assert not any(b"secret" in content for content in kept)


# What is refused


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(ModelError, match="no catalogue has a model called 'horse2zebr'") as error:
        pull("horse2zebr")
    assert error.value.hint == "did you mean horse2zebra?"


def test_a_name_that_is_like_no_other_is_refused_with_the_way_to_the_list():
    with pytest.raises(ModelError) as error:
        pull("something")
    assert "imgtrans models catalogue" in error.value.hint


def test_a_name_that_is_taken_is_refused_before_the_network_is_touched(server: Server, tiny: store.Model):
    with pytest.raises(FilesError, match="'tiny' is in the zoo already"):
        pull(server.serve("/tiny.pth", file(b"")))
    with pytest.raises(FilesError, match="'summer2winter' comes with imgtrans"):
        pull("summer2winter")
    assert server.requests == []


def test_a_model_of_a_plugin_that_is_not_here_is_refused_before_the_network_is_touched(server: Server, tmp_path: Path):
    mine = listed(tmp_path, url=server.serve("/never", file(b"")), package="imgtrans-magic")
    with pytest.raises(UnavailableError, match="fog2sun is for the plugin imgtrans-magic, which is not here"):
        pull("fog2sun", catalogues=[mine])
    assert not server.requests


@pytest.mark.parametrize("reference", ["./net.pth", "net.pth", "folder/net"])
def test_a_file_is_for_import(reference: str):
    with pytest.raises(UsageError) as error:
        pull(reference, "net")
    assert error.value.hint == f"imgtrans models import {reference}"


@pytest.mark.parametrize("reference", ["ftp://example.org/net.pth", "file:///etc/passwd"])
def test_other_addresses_are_refused(reference: str):
    with pytest.raises(UsageError, match="is neither a name nor an address"):
        pull(reference, "net")


@pytest.mark.parametrize("reference", ["http://example.org/%2e%2e", "http://", "../x", ".hidden", "", "http://[bad/x"])
def test_no_address_leads_out_of_the_zoo(home: Path, reference: str):
    with pytest.raises(UsageError):
        pull(reference)
    assert not (home / "data").exists()


def test_a_hash_that_is_none_is_refused():
    with pytest.raises(UsageError, match="'abc' is no SHA-256"):
        pull("horse2zebra", sha256="abc")


@pytest.mark.parametrize(
    ("content", "reason"),
    [(PAGE, "web page"), (b"", "empty"), (b"version https://git-lfs.github.com/spec/v1\n", "LFS")],
)
def test_what_is_no_checkpoint_is_refused_by_its_address_and_leaves_nothing(
    server: Server, home: Path, payload: bytes, content: bytes, reason: str
):
    url = server.serve("/fog2sun.pth", file(content))
    with pytest.raises(ModelError, match=reason) as error:
        pull(url)
    assert url in error.value.message
    assert str(home) not in error.value.message + error.value.hint
    assert ("fog2sun" in store.names(), downloads(home), pulled.recorded(url)) == (False, [], None)
    server.serve("/fog2sun.pth", file(payload))
    assert pull(url).model.name == "fog2sun"  # the page was not taken for what the file is to be


def test_a_length_that_is_too_short_makes_no_model(server: Server, home: Path, payload: bytes):
    with pytest.raises(ModelError, match=r"fog2sun\.pth is damaged"):
        pull(server.serve("/fog2sun.pth", file(payload, length=len(payload) - 100)))
    assert ("fog2sun" in store.names(), downloads(home)) == (False, [])


def test_a_home_that_cannot_be_written_is_about_files(server: Server, home: Path, payload: bytes):
    (home / "data").write_text("a file")
    with pytest.raises(FilesError, match="cannot be written"):
        pull(server.serve("/fog2sun.pth", file(payload)))


# Two at once


def test_the_second_of_two_waits_for_the_first_and_has_its_model(server: Server, home: Path, payload: bytes):
    half_way = threading.Event()
    url = server.serve("/fog2sun.pth", file(payload, gate=half_way))
    names: list[str] = []
    first = threading.Thread(target=lambda: names.append(pull(url, progress=started).model.name))
    under_way = threading.Event()

    def started(done: int, total: int | None) -> None:
        if done:
            under_way.set()

    first.start()
    assert under_way.wait(30)

    def waiting(text: str) -> None:
        said.append(text)
        half_way.set()

    said: list[str] = []
    names.append(pull(url, say=waiting).model.name)
    first.join()
    assert names == ["fog2sun", "fog2sun"]
    assert said == ["another imgtrans is pulling fog2sun; waiting for it"]
    assert len(server.requests) == 1
    assert downloads(home) == []


def test_the_second_goes_on_if_the_first_gives_up(server: Server, payload: bytes):
    under_way, told = threading.Event(), threading.Event()
    url = server.serve("/fog2sun.pth", file(payload, upto=1000), file(payload))

    def give_up(seconds: float) -> None:
        under_way.set()
        assert told.wait(30)
        raise KeyboardInterrupt

    def first() -> None:
        with pytest.raises(KeyboardInterrupt):
            pull(url, sleep=give_up)

    thread = threading.Thread(target=first)
    thread.start()
    assert under_way.wait(30)
    assert pull(url, say=lambda text: told.set()).model.name == "fog2sun"
    thread.join()
    assert server.asked("/fog2sun.pth")[1]["Range"] == "bytes=1000-"


def test_records_of_many_at_once_are_all_kept():
    threads = [threading.Thread(target=pulled.record, args=(f"http://a/{n}", "0" * 64)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(pulled.recorded(f"http://a/{n}") for n in range(8))


# Names of files


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://a/b/net_G.pth?x=/../y", "net_G.pth"),
        ("http://a/..%2f..%2fetc%2fpasswd", "_.._etc_passwd"),
        ("http://a/n%00t%0a.pth", "n_t_.pth"),
        ("http://a/", "checkpoint"),
        ("http://a/..", "checkpoint"),
        ("http://a/" + "x" * 300 + ".pth", "x" * 96 + ".pth"),
    ],
)
def test_a_files_name_is_harmless(url: str, name: str):
    assert Source(catalogue.Entry("a", url), url, url, {}).file_name == name
