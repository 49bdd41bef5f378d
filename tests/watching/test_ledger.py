from imgtrans.watching.ledger import DONE, Fact, Ledger
from imgtrans.watching.seeing.version import Version


def version(size: int = 1, inode: int = 1, ctime: int = 1) -> Version:
    return Version(1, inode, size, 1, ctime)


def test_an_output_has_one_owner_and_a_file_that_is_gone_may_come_back_under_another_name() -> None:
    ledger = Ledger()
    ledger.set("a.png", Fact(version(), DONE, b"a.jpg"))
    assert ledger.owner(b"a.jpg") == "a.png"
    ledger.depart("a.png")
    assert (ledger.owner(b"a.jpg"), ledger["a.png"]) == (None, None)
    assert ledger.before(version(ctime=7)) == ("a.png", Fact(version(), DONE, b"a.jpg"))
    assert ledger.before(version(size=2)) is None
    assert ledger.before(version(inode=9)) is None
