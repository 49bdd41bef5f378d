"""The documents as a site: built without a warning, without the network, and looked at in a real Chromium."""

import functools
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from tests.browser import Browser, chromium
from tests.checkout import ROOT

pytestmark = pytest.mark.skipif(not (ROOT / "mkdocs.yml").is_file(), reason="needs the checkout")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built where nothing can be reached."""
    pytest.importorskip("mkdocs", reason="mkdocs is not installed (extra docs)")
    pytest.importorskip("material", reason="mkdocs-material is not installed (extra docs)")
    folder = tmp_path_factory.mktemp("site")
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT,
        env={**os.environ, **nowhere, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not re.search(r"WARNING|ERROR", done.stderr), done.stderr
    return folder


def test_every_document_is_a_page_that_the_navigation_leads_to(site: Path) -> None:
    links = set(re.findall(r'class="md-nav__link[^"]*"|href="([^"#]+)"', (site / "index.html").read_text()))
    for page in (ROOT / "docs").rglob("*.md"):
        made = page.relative_to(ROOT / "docs").with_suffix(".html").as_posix()
        assert (site / made).is_file()
        assert made in links, f"{page.name} is not in the navigation of mkdocs.yml"


def test_what_the_navigation_names_is_there(site: Path) -> None:
    def pages(entry: object) -> Iterator[str]:
        if isinstance(entry, str):
            yield entry
        elif isinstance(entry, dict | list):
            for one in entry.values() if isinstance(entry, dict) else entry:
                yield from pages(one)

    for page in pages(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]):
        made = page + "index.html" if page.endswith("/") else page.removesuffix(".md") + ".html"
        assert (site / made).is_file(), page


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    loaded = (
        r"""<(?:link[^>]+rel="(?:stylesheet|preconnect|preload)"[^>]+|script[^>]+src|img[^>]+src|iframe[^>]+src)="""
    )
    for page in site.rglob("*.html"):
        for tag in re.findall(rf"{loaded}[^>]*>", page.read_text(encoding="utf-8")):
            assert "//" not in tag.replace("http://www.w3.org", ""), (page.name, tag)
    for style in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(?:https?:)?//", style.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """The site on a server of its own."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real Chromium."""
    with chromium() as one:
        yield one


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 400])
def test_pages_are_seen_as_they_should_be_in_a_browser(
    site: Path, address: str, browser: Browser, width: int, tmp_path: Path
) -> None:
    browser.complaints()
    browser.asked_for()
    browser.resize(width, 900)
    pages = [one.relative_to(site).as_posix() for one in sorted(site.rglob("*.html")) if one.name != "404.html"]
    for page in pages:
        if width < 600 and page.startswith("decisions/0"):
            continue  # which are all alike
        browser.driver.get(f"{address}/{page}")
        browser.until("return document.readyState === 'complete' && document.fonts.status === 'loaded'")
        assert browser.run("return [...document.images].every(one => !one.complete || one.naturalWidth > 0)"), page
        assert browser.run("return document.documentElement.scrollWidth <= innerWidth"), f"{page} is wider than {width}"
        assert len(browser.run("return document.querySelector('h1').innerText")) > 2
        seen = tmp_path / f"{page.replace('/', '-')}.png"
        browser.picture(seen)
        assert seen.stat().st_size > 20_000
    assert len(pages) > 40
    assert browser.complaints() == []
    assert all(asked.startswith((address, "data:")) for asked in browser.asked_for())


@pytest.mark.slow
def test_the_site_is_searched(address: str, browser: Browser) -> None:
    browser.resize(1280, 900)
    browser.driver.get(f"{address}/index.html")
    browser.until("return typeof __md_get === 'function'")
    browser.run("document.querySelector('[data-md-component=search-query]').focus()")
    browser.press(*"checkerboard")
    browser.until(
        "return [...document.querySelectorAll('.md-search-result__link')]"
        ".some(one => one.href.includes('faq.html') && one.href.includes('checkerboard'))"
    )


@pytest.mark.slow
def test_pages_can_be_read_from_disk(site: Path, browser: Browser) -> None:
    browser.asked_for()
    browser.open(site / "index.html")
    browser.run(
        "[...document.querySelectorAll('a')].find(one => one.innerText.includes('Translate my photos')).click()"
    )
    assert browser.until("return location.href.includes('photos.html') && document.querySelector('h1').innerText")
    assert all(asked.startswith(("file:", "data:")) for asked in browser.asked_for())
