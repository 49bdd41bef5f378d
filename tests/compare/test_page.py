"""The page of a comparison, in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from imgtrans.compare.sheet import page
from imgtrans.compare.variants import Made, Variant
from tests.browser import Browser, chromium

RIGHT, DOWN, ESCAPE = "\ue014", "\ue015", "\ue00c"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Browser:
    """Two pictures by two variants, of which the second has failed at the first."""
    for name in ("a", "b", "made"):
        Image.new("RGB", (300, 200), "teal").save(tmp_path / f"{name}.png")
    variants = [Variant("one", "512", 512), Variant("two <b>", "native", None)]
    first = [
        Made(tmp_path / "a.png", variants[0], tmp_path / "made.png", 0.5),
        Made(tmp_path / "a.png", variants[1], None, 0, "a <i> fails."),
    ]
    second = [Made(tmp_path / "b.png", variant, tmp_path / "made.png", 1.25) for variant in variants]
    text = page("2 pictures", variants, [(tmp_path / "a.png", first), (tmp_path / "b.png", second)])
    (tmp_path / "x.html").write_text(text, encoding="utf-8")
    browser.complaints()
    browser.asked_for()
    browser.open(tmp_path / "x.html")
    return browser


def test_it_needs_nothing_but_itself_and_no_name_becomes_part_of_it(opened: Browser):
    assert opened.run(
        "return [...document.images].filter(one => one.closest('td')).every(one => one.naturalWidth === 300)"
    )
    assert all(address.startswith(("file:", "data:")) for address in opened.asked_for())
    assert opened.complaints() == []
    assert opened.run("return document.querySelectorAll('th b, td i').length") == 0
    assert opened.run("return [...document.querySelectorAll('td span')].map(one => one.textContent)")[1] == "0.50 s"


def test_arrows_go_from_variant_to_variant_at_one_place_and_pass_over_what_failed(opened: Browser):
    opened.run("document.querySelector('td button').click()")

    def shown() -> str:
        return str(opened.run("return document.querySelector('dialog p').textContent"))

    assert shown() == "a.png"
    opened.press(RIGHT)
    assert shown() == "a.png by one, 512 px"
    opened.press(RIGHT)
    assert shown() == "a.png by one, 512 px"
    opened.press(DOWN)
    assert shown() == "b.png by one, 512 px"
    opened.press(ESCAPE)
    assert opened.run("return document.querySelector('dialog').open") is False
