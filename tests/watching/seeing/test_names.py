import pytest

from imgtrans.watching.seeing.names import is_passed_over


@pytest.mark.parametrize(
    "name",
    [
        ".hidden.jpg", "dl.jpg.part", "dl.jpg.crdownload", "dl.jpg.PARTIAL", "a.jpg.filepart", "a.jpg.tmp", "~$doc.jpg",
        "a.jpg~", ".syncthing.a.jpg.tmp", ".a.jpg.Xk3d9Z", "a.jpg.download", "a.jpg.!ut", "Thumbs.db", "a.jpg.aria2",
    ],
)  # fmt: skip
def test_names_of_what_is_not_there_for_good_are_passed_over(name: str) -> None:
    assert is_passed_over(name)


@pytest.mark.parametrize(
    "name", ["a.jpg", "part.jpg", "tmp.png", "my download.jpg", "a~b.jpg", "template.tif", "noext"]
)
def test_other_names_are_not(name: str) -> None:
    assert not is_passed_over(name)
