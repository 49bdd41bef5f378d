"""The report, in a real browser: curves, pictures over time, and that it needs nothing but itself."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from imgtrans.training.report.curves import Curves
from imgtrans.training.report.page import Chart, Page, Table, render
from tests.browser import Browser, chromium

LEFT = "\ue012"
SCRIPT = "</script><script>alert(1)</script>"
STEPS = 10_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def losses() -> Curves:
    """Six losses of a run of 10,000 steps, one with a peak that must be seen."""
    draw, curves = random.Random(0), Curves()
    for step in range(1, STEPS + 1):
        values = {f"G_{name}": draw.uniform(0.5, 2) for name in ("all", "adversarial", "cycle", "identity")}
        curves.add(step, {**values, "D_A": 900.0 if step == 7001 else draw.random(), "D_B": draw.random()})
    return curves


def page_of(losses: Curves, state: str = "running", now: float | None = None) -> Page:
    return Page(
        title="day2night <b>",
        state=state,
        summary="step 10,000 of 20,000",
        troubles=[(f"D_A has won {SCRIPT}", "more pictures")],
        charts=[Chart("Losses", "what to see", losses), Chart("Nothing", "", Curves())],
        grids=[(500, "grids/step-0000500.png"), (1000, "grids/step-0001000.png"), (1500, "grids/step-0001500.png")],
        tables=[Table("Settings", [("ngf", "64")]), Table("Scores", [("500", "0.1")], ("step", "KID"))],
        now=time.time() if now is None else now,
    )


@pytest.fixture
def report(tmp_path: Path, losses: Curves, browser: Browser) -> Path:
    (tmp_path / "grids").mkdir()
    for number, colour in enumerate(("red", "green", "blue"), 1):
        Image.new("RGB", (138, 206), colour).save(tmp_path / "grids" / f"step-{500 * number:07d}.png")
    path = tmp_path / "report.html"
    path.write_text(render(page_of(losses)), encoding="utf-8")
    browser.resize(1280, 900)
    browser.complaints()
    browser.asked_for()
    browser.open(path)
    return path


def test_the_report_of_10_000_steps_is_small_and_opens_in_less_than_a_second(browser: Browser, report: Path):
    assert report.stat().st_size < 3_000_000 / 10
    browser.until("return document.readyState === 'complete'")
    timing = "const t = performance.getEntriesByType('navigation')[0]; return t.loadEventEnd - t.startTime"
    assert 0 < min(_opened_again(browser, report, timing) for _ in range(3)) < 1000


def _opened_again(browser: Browser, report: Path, timing: str) -> float:
    browser.open(report)
    return float(browser.until(f"const took = (() => {{ {timing} }})(); return took > 0 ? took : 0"))


def test_curves_are_drawn_with_their_peaks_and_nothing_is_asked_of_the_network(browser: Browser, report: Path):
    assert browser.run("return document.querySelectorAll('#charts figure').length") == 1  # the empty one is left out
    assert browser.run("return document.querySelectorAll('#charts path.mean').length") == 6
    assert browser.run("return document.querySelectorAll('#charts path.band').length") == 6
    assert (
        browser.run("return Math.max(...DATA.charts[0].lines.flatMap(one => one.points.map(p => p[3] ?? p[1])))") == 900
    )
    assert browser.complaints() == []
    assert all(address.startswith(("file:", "data:")) for address in browser.asked_for())
    assert browser.run("return document.title") == "day2night <b>"
    assert SCRIPT in browser.run("return document.getElementById('troubles').textContent")
    assert "KID" in browser.run("return document.querySelector('main').textContent")


def test_a_curve_can_be_taken_away_and_what_is_left_has_the_room(browser: Browser, report: Path):
    top = "return [...document.querySelectorAll('#charts svg text')].map(one => +one.textContent.replace(',', ''))"
    assert max(value for value in browser.run(top) if value <= 1000) >= 500
    browser.run("[...document.querySelectorAll('.legend button')].find(b => b.textContent.includes('D_A')).click()")
    assert browser.run("return document.querySelectorAll('#charts path.mean').length") == 5
    heights = [value for value in browser.run(top) if value < 500]
    assert max(heights) <= 2


def test_the_slider_goes_through_the_pictures_and_is_remembered(browser: Browser, report: Path):
    shown = "return document.getElementById('grid').src.split('/').pop()"
    assert browser.run(shown) == "step-0001500.png"
    browser.until("return document.getElementById('names').children.length === 6")
    browser.run("document.getElementById('at').focus()")
    browser.press(LEFT)
    assert browser.run(shown) == "step-0001000.png"
    assert browser.run("return document.getElementById('step').textContent") == "step 1,000"
    browser.open(report)
    assert browser.run(shown) == "step-0001000.png"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_light_or_dark_as_the_person_prefers(browser: Browser, report: Path, tmp_path: Path, scheme: str):
    browser.prefer(scheme)
    browser.picture(tmp_path / "seen.png")
    browser.prefer("light")
    with Image.open(tmp_path / "seen.png") as seen:
        corner = sum(seen.convert("RGB").getpixel((3, 3)))
    assert corner > 700 if scheme == "light" else corner < 100


def test_on_a_telephone_nothing_sticks_out(browser: Browser, report: Path):
    browser.resize(390, 800)
    assert browser.run("return document.documentElement.scrollWidth") <= 390


def test_a_page_that_was_not_refreshed_for_long_says_so_and_one_that_is_complete_stays(
    browser: Browser, report: Path, losses: Curves
):
    said = "return document.getElementById('stale').textContent"
    assert browser.run(said) == ""
    report.write_text(render(page_of(losses, now=time.time() - 3600)), encoding="utf-8")
    browser.open(report)
    assert "60 minutes ago" in browser.run(said)
    report.write_text(render(page_of(losses, "complete", now=time.time() - 3600)), encoding="utf-8")
    browser.open(report)
    assert browser.run(said) == ""
    assert browser.run("return document.getElementById('follow').hidden")
