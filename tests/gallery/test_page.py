"""The page, in a real browser: the slider, the keys, and that it needs nothing but itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from imgtrans.gallery.entries import Entry
from imgtrans.gallery.page import Shown, render
from imgtrans.gallery.place import MARK
from tests.browser import Browser, chromium

RIGHT, LEFT, ESCAPE, ENTER = "\ue014", "\ue012", "\ue00c", "\ue007"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def entry(number: int, state: str = "done", folder: str = "", reason: str = "") -> Entry:
    return Entry(folder, f"picture {number}.png", state, reason, None, None, f"{number}")


@pytest.fixture
def page(tmp_path: Path, browser: Browser) -> Path:
    """Two pictures that are done, red before and blue after, one below a folder, and one that has failed."""
    for name, colour in (("before", "red"), ("after", "blue")):
        Image.new("RGB", (400, 300), colour).save(tmp_path / f"{name}.png")
    Image.new("RGB", (640, 240), "gray").save(tmp_path / "small.webp")
    files = ("before.png", "after.png", "small.webp")
    pictures = [
        Shown(entry(0), *files),
        Shown(entry(1, folder="below & <i>"), *files),
        Shown(entry(2, "failed", reason=f"photos/2.png breaks off {SCRIPT}."), "before.png", "", "small.webp"),
    ]  # fmt: skip
    path = tmp_path / "index.html"
    path.write_text(render("out", "2 done, 1 failed", [("Model", "<b>summer2winter</b>")], pictures), encoding="utf-8")
    browser.resize(1280, 900)
    browser.complaints()
    browser.asked_for()
    browser.open(path)
    return path


def colour_at(browser: Browser, path: Path, across: float) -> tuple[int, ...]:
    """Return what is seen in the middle of the opened picture, so far across it."""
    browser.picture(path)
    box = browser.run(
        "const b = document.getElementById('stage').getBoundingClientRect(); return [b.x, b.y, b.width, b.height]"
    )
    with Image.open(path) as seen:
        return seen.convert("RGB").getpixel((int(box[0] + across * box[2]), int(box[1] + 0.3 * box[3])))


def ready(browser: Browser) -> None:
    browser.until("return pictures.every(one => one.complete && one.naturalWidth)")


SCRIPT = "</script><script>alert(1)</script>"
RED, BLUE = (255, 0, 0), (0, 0, 255)


def test_all_are_shown_and_nothing_is_asked_of_the_network(browser: Browser, page: Path):
    assert browser.run("return document.querySelectorAll('.entry').length") == 3
    assert browser.run("return document.getElementById('count').textContent") == "3 pictures"
    browser.until("return [...document.querySelectorAll('.thumb img')].every(one => one.naturalWidth === 640)")
    assert all(address.startswith(("file:", "data:")) for address in browser.asked_for())
    assert browser.complaints() == []


def test_no_name_and_no_reason_becomes_part_of_the_page(browser: Browser, page: Path):
    assert browser.run("return document.scripts.length") == 2
    assert browser.run("return document.querySelectorAll('main i, dd b').length") == 0
    assert "</script>" in browser.run("return document.querySelector('.failed').textContent")


def test_the_slider_shows_the_original_to_its_left(browser: Browser, page: Path, tmp_path: Path):
    browser.run("document.querySelector('.entry').click()")
    ready(browser)
    browser.run(
        "const slider = document.getElementById('split'); slider.value = 70; slider.dispatchEvent(new Event('input'))"
    )
    seen = [colour_at(browser, tmp_path / "seen.png", across) for across in (0.3, 0.65, 0.75)]
    assert seen == [RED, RED, BLUE]
    assert browser.run("return document.getElementById('split').getAttribute('aria-valuetext')") == "70 % original"


def test_dragging_moves_the_edge(browser: Browser, page: Path, tmp_path: Path):
    from selenium.webdriver.common.action_chains import ActionChains

    browser.run("document.querySelector('.entry').click()")
    ready(browser)
    edge = browser.driver.find_element("id", "edge")
    ActionChains(browser.driver).click_and_hold(edge).move_by_offset(-250, 0).release().perform()
    assert browser.until("return split < 40")
    assert colour_at(browser, tmp_path / "seen.png", 0.45) == BLUE


def test_keys_go_through_the_pictures_and_back(browser: Browser, page: Path, tmp_path: Path):
    browser.run("document.querySelector('.entry').focus()")
    browser.press(ENTER)
    assert browser.until("return document.getElementById('viewer').open")
    ready(browser)
    browser.press(" ")
    assert {colour_at(browser, tmp_path / "seen.png", across) for across in (0.3, 0.7)} == {RED}
    browser.press(" ")
    assert {colour_at(browser, tmp_path / "seen.png", across) for across in (0.3, 0.7)} == {BLUE}
    browser.press(RIGHT)
    assert browser.run("return document.getElementById('title').textContent") == "below & <i>/picture 1.png"
    browser.press("z")
    assert browser.run("return view.fit") is False
    assert browser.run("return view.scale * devicePixelRatio") >= 1
    browser.press(RIGHT, LEFT, ESCAPE)
    assert browser.run("return document.getElementById('viewer').open") is False
    assert browser.run("return document.activeElement.title") == "picture 1.png"


def test_a_failed_one_says_why_and_shows_its_original_alone(browser: Browser, page: Path, tmp_path: Path):
    browser.run("document.querySelectorAll('.entry')[2].click()")
    browser.until("return pictures[0].complete && pictures[0].naturalWidth")
    assert browser.run("return document.getElementById('said').textContent").startswith("photos/2.png breaks off")
    assert colour_at(browser, tmp_path / "seen.png", 0.7) == RED


def test_an_original_that_has_gone_leaves_the_translation_alone(browser: Browser, page: Path, tmp_path: Path):
    (tmp_path / "before.png").unlink()
    browser.run("document.querySelector('.entry').click()")
    assert "not where it was" in browser.until("return document.getElementById('said').textContent")
    browser.until("return pictures[1].complete && pictures[1].naturalWidth")
    assert colour_at(browser, tmp_path / "seen.png", 0.3) == BLUE


def test_pictures_are_chosen_by_name_folder_and_state(browser: Browser, page: Path):
    def chosen(field: str, value: str) -> list[str]:
        browser.run(
            f"const f = document.getElementById('{field}'); f.value = {value!r}; f.dispatchEvent(new Event('input'))"
        )
        names = browser.run("return [...document.querySelectorAll('.name')].map(one => one.textContent)")
        browser.run(f"const f = document.getElementById('{field}'); f.value = ''; f.dispatchEvent(new Event('input'))")
        return names

    assert chosen("words", "TURE 1") == ["picture 1.png"]
    assert chosen("folder", "1") == ["picture 1.png"]
    assert chosen("state", "1") == ["picture 2.png"]
    assert chosen("words", "") == ["picture 0.png", "picture 1.png", "picture 2.png"]


def test_of_ten_thousand_only_those_near_are_drawn_and_the_last_can_be_reached(browser: Browser, page: Path):
    many = [
        Shown(entry(number, folder=f"{number // 100}"), "before.png", "after.png", "small.webp")
        for number in range(10_000)
    ]
    page.write_text(render("out", "10,000 done", [], many), encoding="utf-8")
    browser.open(page)
    assert browser.run("return document.getElementById('count').textContent") == "10000 pictures"
    assert browser.run("return document.querySelectorAll('.entry').length") < 1000
    browser.run("document.querySelector('.entry').click()")
    browser.press("\ue010")  # End
    assert browser.run("return document.getElementById('place').textContent") == "10000 of 10000"


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 900)])
def test_nothing_sticks_out_on_a_phone_or_a_desk(browser: Browser, page: Path, width: int, height: int):
    browser.resize(width, height)
    browser.open(page)
    assert browser.run("return document.documentElement.scrollWidth") <= width
    browser.run("document.querySelector('.entry').click()")
    ready(browser)
    rights = browser.run(
        "return [...document.querySelectorAll('dialog button, dialog input, .sides')]"
        ".map(one => one.getBoundingClientRect().right)"
    )
    assert max(rights) <= width


def test_light_and_dark_follow_the_person(browser: Browser, page: Path):
    shades = []
    for scheme in ("light", "dark"):
        browser.prefer(scheme)
        shades.append(browser.run("return getComputedStyle(document.body).backgroundColor"))
    browser.prefer("")
    assert shades == ["rgb(251, 251, 250)", "rgb(23, 24, 26)"]


def test_a_screen_reader_is_told_what_everything_is(browser: Browser, page: Path):
    browser.run("document.querySelector('.entry').click()")
    nameless = browser.run(
        "return [...document.querySelectorAll('button, input, select, dialog')]"
        ".filter(one => !['aria-label', 'aria-labelledby'].some(n => one.getAttribute(n)) && !one.textContent.trim())"
        ".map(one => one.outerHTML)"
    )
    assert nameless == []
    assert browser.run("return pictures.map(one => one.alt)") == [
        "picture 0.png, the original",
        "picture 0.png, translated",
    ]


def test_a_page_of_ours_is_known_by_its_mark():
    assert MARK in render("a", "b", [], [])[:4096]
