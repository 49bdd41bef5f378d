"""Catalogues: what imgtrans's own holds, what the user's add, and what is wrong with a bad one."""

import os
import re
import tomllib
from pathlib import Path

import pytest

from imgtrans.errors import UsageError
from imgtrans.zoo import catalogue, store
from imgtrans.zoo.catalogue import Entry
from tests.zoo.server import Server, file, status

OFFICIAL = {
    *("horse2zebra", "zebra2horse", "monet2photo", "style_monet", "style_vangogh", "style_ukiyoe", "style_cezanne"),
    *("apple2orange", "orange2apple", "summer2winter_yosemite", "winter2summer_yosemite", "map2sat", "sat2map"),
    *("cityscapes_photo2label", "cityscapes_label2photo", "facades_photo2label", "facades_label2photo"),
    "iphone2dslr_flower",
}
MINE = """
[models.fog2sun]
url = "https://example.org/fog2sun.pth"
dialect = "deck"
from = "fog"
to = "sun"
licence = "CC0"
"""


@pytest.fixture
def mine(tmp_path: Path) -> str:
    (tmp_path / "mine.toml").write_text(MINE)
    return str(tmp_path / "mine.toml")


def names(*catalogues: str) -> list[str]:
    return [entry.name for entry in catalogue.entries(catalogues)]


# imgtrans's own


def test_the_official_cyclegan_generators_are_there():
    others = {name for name in names() if name.startswith(("pix2pix_", "animegan2_"))}
    assert {*names()} - others == OFFICIAL
    assert len(others) == 8


def test_each_entry_says_all_that_a_user_needs_to_know():
    for entry in (entry for entry in catalogue.entries() if entry.package):
        assert entry.package in ("imgtrans-pix2pix", "imgtrans-styles")
        assert all((entry.source, entry.target, entry.licence, entry.page, entry.megabytes))
        assert entry.url.startswith(("http://efrosgans.eecs.berkeley.edu/pix2pix/", f"{entry.page}/raw/main/weights/"))
    for entry in (entry for entry in catalogue.entries() if not entry.package):
        assert entry.url == f"http://efrosgans.eecs.berkeley.edu/cyclegan/pretrained_models/{entry.name}.pth"
        assert entry.dialect == "junyanz"
        assert entry.source != entry.target
        assert entry.licence.startswith("BSD-2-Clause")
        assert (entry.training_size, entry.catalogue) == (256, "")
        assert entry.page.startswith("https://github.com/junyanz/")


def test_each_can_be_a_models_name():
    for name in names():
        store.check_free(name)


# The user's


def test_a_users_catalogue_adds_models(mine: str):
    assert catalogue.find("fog2sun", [mine]) == Entry(
        "fog2sun", "https://example.org/fog2sun.pth", mine, "deck", "fog", "sun", "CC0"
    )
    assert {*names(mine)} - {*names()} == {"fog2sun"}
    assert catalogue.find("fog2sun") is None


def test_what_all_its_models_share_is_said_once(tmp_path: Path):
    path = tmp_path / "mine.toml"
    path.write_text(
        '[defaults]\nlicence = "CC0"\n[models.a]\nurl = "hf://me/a"\n[models.b]\nurl = "HTTP://b/"\nlicence = "?"\n'
    )
    assert [catalogue.find(name, [str(path)]).licence for name in "ab"] == ["CC0", "?"]  # type: ignore[union-attr]


def test_a_catalogue_cannot_take_a_name_of_imgtranss_own(tmp_path: Path):
    path = tmp_path / "evil.toml"
    path.write_text('[models.horse2zebra]\nurl = "http://evil/"\n[models.summer2winter]\nurl = "http://evil/"\n')
    assert "evil" not in catalogue.find("horse2zebra", [str(path)]).url  # type: ignore[union-attr]
    assert catalogue.find("summer2winter", [str(path)]) is None  # which comes with imgtrans
    assert names(str(path)) == names()


def test_nor_one_of_an_earlier_catalogue(mine: str, tmp_path: Path):
    (tmp_path / "later.toml").write_text('[models.fog2sun]\nurl = "http://later/"\n')
    later = str(tmp_path / "later.toml")
    assert catalogue.find("fog2sun", [mine, later]).catalogue == mine  # type: ignore[union-attr]
    assert next(e for e in catalogue.entries([mine, later]) if e.name == "fog2sun").catalogue == mine


def test_no_more_catalogues_are_looked_at_than_needed():
    assert catalogue.find("horse2zebra", ["/nowhere/at-all.toml"])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("models = [", "is not TOML"),
        ("[model.a]\nurl = 'http://a'", "unknown key 'model'"),
        ("models = 3", "'models' is no table"),
        ("models.a = 3", "'a' is no table"),
        ("[models.a]\nurl = 3", "'url' of 'a' is 3"),
        ("[models.a]\nlicence = 'CC0'", "'a' has no url that begins with http://, https:// or hf://"),
        ("[models.a]\nurl = 'file:///etc/passwd'", "'a' has no url that begins"),
        ("[models.a]\nurl = 'http://[bad'", "malformed: "),
        ("[models.a]\nurl = '/etc/passwd'", "'a' has no url that begins"),
        ("[models.a]\nurl = 'http://a'\nsha265 = 'ab'", "'a' has an unknown key 'sha265'; did you mean 'sha256'?"),
        ("[models.a]\nurl = 'http://a'\nname = 'b'", "'a' has an unknown key 'name'"),
        ("[models.a]\nurl = 'http://a'\nsha256 = 'ab'", "the sha256 of 'a' is not 64 hexadecimal digits"),
        ("[models.a]\nurl = 'http://a'\nassume = {padding = 3}", "'assume' of 'a' is {'padding': 3}"),
        ("[models.a]\nurl = 'http://a'\ntraining_size = true", "'training_size' of 'a' is True"),
        ("[defaults]\nlicense = 'CC0'\n[models.a]\nurl = 'http://a'", "did you mean 'licence'?"),
    ],
)
def test_a_malformed_catalogue_is_one_sentence(tmp_path: Path, text: str, sentence: str):
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=rf"^the catalogue {re.escape(str(path))} .*{re.escape(sentence)}") as error:
        catalogue.find("a", [str(path)])
    assert "\n" not in error.value.message


@pytest.mark.parametrize("content", [b"\xff\xfe", None])
def test_a_catalogue_that_cannot_be_read_is_one_sentence(tmp_path: Path, content: bytes | None):
    if content:
        (tmp_path / "bad.toml").write_bytes(content)
    with pytest.raises(UsageError, match=r"^the catalogue .*bad\.toml (is not TOML|cannot be read)"):
        catalogue.find("a", [str(tmp_path / "bad.toml")])


def test_the_nearest_name_is_found(mine: str):
    assert catalogue.nearest("horse2zebr") == "horse2zebra"
    assert catalogue.nearest("fog2son", [mine]) == "fog2sun"
    assert catalogue.nearest("something else") == ""


# By URL


def test_a_catalogue_is_fetched_once_a_day(server: Server, home: Path):
    url = server.serve("/mine.toml", file(MINE.encode()))
    assert catalogue.find("fog2sun", [url]).catalogue == url  # type: ignore[union-attr]
    assert "fog2sun" in names(url)
    assert len(server.requests) == 1
    (copy,) = (home / "data" / "catalogues").iterdir()
    assert tomllib.loads(copy.read_text())
    os.utime(copy, (0, 1))
    server.serve("/mine.toml", file(MINE.replace("fog2sun", "fog2rain").encode()))
    assert catalogue.find("fog2rain", [url])
    assert len(server.requests) == 2


def test_it_is_not_fetched_for_what_needs_it_not(server: Server):
    url = server.serve("/mine.toml", file(MINE.encode()))
    assert catalogue.find("horse2zebra", [url])
    assert server.requests == []


@pytest.mark.parametrize("answer", [status(404), file(b"<!doctype html>")])
def test_where_it_cannot_be_fetched_the_copy_is_used_and_that_is_said(server: Server, home: Path, answer):
    url = server.serve("/mine.toml", file(MINE.encode()))
    catalogue.find("fog2sun", [url])
    (copy,) = (home / "data" / "catalogues").iterdir()
    os.utime(copy, (1_600_000_000, 1_600_000_000))
    server.serve("/mine.toml", answer)
    said: list[str] = []
    assert catalogue.find("fog2sun", [url], said.append)
    assert len(said) == 1
    assert said[0].startswith(f"the catalogue {url} is used as it was on 2020-09-13: ")


def test_without_a_copy_it_is_left_out_and_the_others_serve(server: Server, mine: str):
    url = server.serve("/gone.toml", status(404))
    said: list[str] = []
    assert catalogue.find("fog2sun", [url, mine], said.append)
    assert said == [f"the catalogue {url} is left out: {url} cannot be downloaded: the server says 404 Not Found"]


def test_a_fetched_one_that_is_malformed_is_one_sentence_and_not_kept(server: Server, home: Path):
    url = server.serve("/mine.toml", file(b"models = 3"))
    with pytest.raises(UsageError, match=rf"^the catalogue {url} is malformed: 'models' is no table"):
        catalogue.find("fog2sun", [url])
    assert [*(home / "data" / "catalogues").iterdir()] == []


def test_a_catalogue_of_that_size_is_none(server: Server):
    url = server.serve("/mine.toml", file(bytes(2 << 20)))
    said: list[str] = []
    assert catalogue.find("fog2sun", [url], said.append) is None
    assert "is larger than 1.0 MB" in said[0]
