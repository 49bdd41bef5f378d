"""Addresses: paths that are written as users write them, and that a store answers for."""

import os
import pickle
from pathlib import Path

import pytest

from imgtrans.storage.address import Address, addressed, standing
from tests.stores import Bucket, picture


@pytest.mark.parametrize(
    "text",
    ["s3://bucket", "s3://bucket/in/a.jpg", "gs://b/x y/é.png", "memory://b/a", "https://example.org/a.jpg?v=//1#x"],
)
def test_an_address_stays_what_the_user_has_written(text: str):
    for given in (text, Path(text) if "?" not in text else text):
        address = addressed(given)
        assert isinstance(address, Address)
        assert str(address) == os.fspath(address) == text
        assert str(pickle.loads(pickle.dumps(address))) == text


@pytest.mark.parametrize("text", ["photos", "a:/b", "s3:", "file:///a.jpg", "/s3://x", "C:/photos", "ftp://host/a"])
def test_what_is_no_address_stays_a_path(text: str):
    assert not isinstance(addressed(text), Address)


def test_a_file_that_is_called_so_is_no_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s3:" / "bucket").mkdir(parents=True)
    assert addressed("s3://bucket") == Path("s3:/bucket")
    assert not isinstance(addressed("s3://bucket"), Address)


def test_names_and_folders_of_addresses_are_those_of_paths():
    address = addressed("s3://bucket/in/a.jpg")
    assert isinstance(address, Address)
    assert (address.scheme, address.bucket, address.name, address.suffix) == ("s3", "bucket", "a.jpg", ".jpg")
    assert str(address.parent / "b.png") == "s3://bucket/in/b.png"
    assert str(address.with_name("c")) == "s3://bucket/in/c"
    assert address.relative_to(addressed("s3://bucket")) == Path("in/a.jpg")
    assert str(address.relative_to(address.parent)) == "a.jpg"
    page = addressed("https://example.org/a/b.jpg?size=2")
    assert (page.name, str(page.parent)) == ("b.jpg", "https://example.org/a")


def test_what_stands_at_an_address_is_told_as_of_a_file(memory_store: Bucket):
    memory_store.put({"in/a.png": picture()})
    folder = addressed("memory://bucket/in")
    assert (folder.exists(), folder.is_dir(), folder.is_file()) == (True, True, False)
    status = (folder / "a.png").stat()
    assert status.st_size == len(picture()) and status.st_mtime_ns > 0
    assert not (folder / "b.png").exists()
    with pytest.raises(FileNotFoundError):
        (folder / "b.png").stat()
    assert isinstance(folder, Address)
    assert standing(folder, 5, 2**62 + 1).st_mtime_ns == 2**62 + 1
