"""Listings: what folders hold, page by page, each asked for once."""

import pytest

from imgtrans.storage.address import Address, addressed
from imgtrans.storage.explained import StoreError
from imgtrans.storage.listings import Listings
from tests.stores import Bucket, Proxy


def folder_of(bucket: Bucket, name: str) -> Address:
    address = addressed(f"{bucket.address}/{name}")
    assert isinstance(address, Address)
    return address


@pytest.mark.parametrize("kind", ["memory_store", "s3"])
def test_a_folder_is_files_and_folders_sorted(kind: str, request: pytest.FixtureRequest):
    bucket: Bucket = request.getfixturevalue(kind)
    bucket.put({f"in/{name}": b"x" for name in ("b.png", "a.png", "ä.png", "c/d.png", "c/e/f.png")})
    if kind == "s3":  # where a name may be an object's and a folder's
        bucket.put({"in/c": b"x", "in/": b""})
    with Listings() as listings:
        folder = folder_of(bucket, "in")
        assert [*listings.files(folder)] == ["a.png", "b.png", *(["c"] if kind == "s3" else []), "ä.png"]
        assert [*listings.folders(folder)] == ["c"]
        assert listings.version(folder / "b.png") and not listings.version(folder / "x.png")
        assert [*listings.files(folder_of(bucket, "nothing"))] == []


def test_pages_are_followed_to_the_end_and_a_page_that_fails_is_asked_for_again(s3: Bucket, proxy: Proxy):
    s3.put({"in/": b"", **{f"in/{number:04d}.png": b"x" for number in range(30)}})
    folder = folder_of(s3, "in")
    system = folder.store._system
    asked: list[str] = []
    usual = system.call_s3

    def few(method: str, **arguments: object) -> object:
        return usual(method, MaxKeys=7, **arguments)

    def fault(method: str, path: str) -> str:
        asked.append(path)
        return "reset" if len(asked) % 2 else ""

    system.call_s3 = few
    proxy.fault = fault
    with Listings() as listings:
        assert [*listings.files(folder)] == [f"{number:04d}.png" for number in range(30)]
        before = len(asked)
        assert before == 10  # five pages, each of them twice
        assert len([*listings.files(folder)]) == 30 and len(asked) == before
    del system.call_s3


def test_who_asks_for_a_version_never_takes_a_failure_for_nothing(s3: Bucket, proxy: Proxy):
    proxy.fault = lambda method, path: "denied"
    with Listings() as listings, pytest.raises(StoreError, match="access is denied"):
        listings.stat(folder_of(s3, "in") / "a.png")
