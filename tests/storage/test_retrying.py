"""What is tried again, what is not, and what is said of it."""

import errno

import pytest

from imgtrans.storage.address import Address, addressed
from imgtrans.storage.explained import ObjectError, StoreError, explained, is_passing
from imgtrans.storage.retrying import Retrying
from imgtrans.storage.versions import time_of, version_of, version_of_content


class Answered(Exception):
    """As libraries of the web raise it."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status


class NoCredentialsError(Exception):
    """As botocore raises it."""


def at(text: str) -> Address:
    address = addressed(text)
    assert isinstance(address, Address)
    return address


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (OSError(errno.EBUSY, "Please reduce your request rate."), True),
        (ConnectionResetError(), True),
        (TimeoutError(), True),
        (Answered(503), True),
        (Answered(429), True),
        (Answered(404), False),
        (FileNotFoundError("a"), False),
        (PermissionError("Access Denied"), False),
        (ValueError("a bug"), False),
    ],
)
def test_what_may_pass_is_tried_again_and_nothing_else(error: Exception, passing: bool):
    calls: list[int] = []

    def call() -> str:
        calls.append(1)
        if len(calls) < 3:
            raise error
        return "done"

    assert is_passing(error) == passing
    retrying = Retrying([0, 0, 0], lambda: 0.0)
    if passing:
        assert retrying(call) == "done" and len(calls) == 3
    else:
        with pytest.raises(type(error)):
            retrying(call)
        assert len(calls) == 1


def test_pages_of_the_web_that_fsspec_calls_missing_are_told_by_what_the_server_has_said():
    missing = FileNotFoundError("https://example.org/a")
    missing.__cause__ = Answered(503)
    assert is_passing(missing)
    missing.__cause__ = Answered(403)
    denied = explained(at("https://example.org/a"), missing, "read")
    assert isinstance(denied, ObjectError) and denied.strerror == "access is denied (403)"


def test_what_went_wrong_is_said_with_what_to_do():
    address = at("s3://bucket/a.png")
    denied = explained(address, PermissionError("Access Denied"), "written")
    assert isinstance(denied, StoreError)
    assert denied.message == "s3://bucket/a.png cannot be written: access is denied (Access Denied)"
    assert "credentials" in denied.hint
    nobody = explained(address, NoCredentialsError("Unable to locate credentials"), "read")
    assert isinstance(nobody, StoreError) and "there are no credentials for s3://bucket" in nobody.message
    none = explained(address, FileNotFoundError("The specified bucket does not exist"), "read")
    assert isinstance(none, StoreError) and none.message == "there is no bucket bucket"
    gone = explained(address, FileNotFoundError("bucket/a.png"), "read")
    assert isinstance(gone, ObjectError) and gone.strerror == "it is not there"


def test_versions_differ_where_contents_do_and_are_foretold_where_etags_are_md5():
    md5 = "9e107d9d372bb6826bd81d3542a419d6"
    assert version_of({"size": 43, "ETag": f'"{md5}"'}) == version_of_content(43, md5)
    assert version_of({"size": 43, "etag": "x", "md5Hash": "nhB9nTcrtoJr2B01QqQZ1g=="}) == version_of_content(43, md5)
    assert version_of({"size": 43, "ETag": '"other"'}) != version_of_content(43, md5)
    assert version_of({"size": 1, "created": 1.0}) != version_of({"size": 1, "created": 2.0})
    assert version_of({"ETag": "a"}).size == -1
    assert 0 <= version_of({"size": 1}).number < 2**63
    assert time_of({"created": 5}) == 5 and time_of({}) is None
