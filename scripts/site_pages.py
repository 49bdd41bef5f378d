"""What mkdocs is told of this repository: what the site has from outside of docs/, and links as in a checkout."""

import os
import re
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.structure.files import File, InclusionLevel

ROOT = Path(__file__).resolve().parent.parent
DOCS, DECISIONS = "docs/", "docs/decisions"
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "THIRD_PARTY_NOTICES.md")
_LINK = re.compile(r"(?<=\]\()([^)\s:#]+)|(?<= src=\")([^\"\s:#]+)")


def on_config(config: Any) -> Any:
    """Fill the folders that the navigation names, and add what it does not name."""
    inside = [path.relative_to(ROOT / DOCS).as_posix() for path in sorted((ROOT / DOCS).rglob("*.md"))]
    config.nav = [_filled(entry, inside) for entry in config.nav]
    named = {*_named(config.nav)}
    pages = [*inside, *(site_path(path) for path in linked() if path.endswith(".md"))]
    if more := [page for page in pages if page not in named]:
        config.nav.append({"More": more})
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the list of decisions, and all that is outside of docs/."""
    files.append(File.generated(config, site_path(DECISIONS), content=_decisions()))
    for path in linked():
        file = File.generated(config, site_path(path), abs_src_path=str(ROOT / path))
        file.inclusion = InclusionLevel.INCLUDED  # also of folders whose name begins with a dot
        files.append(file)
    return files


@cache
def linked() -> tuple[str, ...]:
    """Return what the site has from outside of docs/: the pages at the top, and all that pages link to."""
    waiting = [*PAGES, *(path.relative_to(ROOT).as_posix() for path in sorted((ROOT / DOCS).rglob("*.md")))]
    known = dict.fromkeys(waiting)
    while waiting:
        path = waiting.pop(0)
        if path.endswith(".md"):
            text = (ROOT / path).read_text(encoding="utf-8")
            found = [target for match in _LINK.finditer(text) if (target := _target(path, match[0])) not in known]
            known |= dict.fromkeys(found)
            waiting += [target for target in found if not target.startswith(DOCS)]
    return tuple(path for path in known if path and not path.startswith(DOCS) and path != DECISIONS)


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Have links lead to where the site has what they lead to in the checkout."""
    here = page.file.src_uri
    source = next((path for path in PAGES if site_path(path) == here), None) or (
        here if (ROOT / here).is_file() else f"{DOCS}{here}"
    )

    def moved(match: re.Match[str]) -> str:
        target = _target(source, match[0])
        return os.path.relpath(site_path(target), PurePosixPath(here).parent) if target else match[0]

    return _LINK.sub(moved, markdown)


def site_path(path: str) -> str:
    """Return where the site has what has this path in the repository."""
    if path == DECISIONS:
        return "decisions/index.md"
    return "index.md" if path == "README.md" else path.removeprefix(DOCS)


def _target(source: str, link: str) -> str:
    """Return the path of what a page links to; "" if that is nothing of the repository."""
    path = Path(os.path.normpath(ROOT / PurePosixPath(source).parent / link))
    if not path.exists() or not path.is_relative_to(ROOT):
        return ""
    target = path.relative_to(ROOT).as_posix()
    if path.is_dir() and target != DECISIONS:
        return f"{target}/README.md" if (path / "README.md").is_file() else ""
    return target


def _decisions() -> str:
    lines = ["# Why it is built so", "", "One page each, of what somebody could wish to undo.", ""]
    for path in sorted((ROOT / DECISIONS).glob("*.md")):
        title = path.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")
        lines.append(f"- [{title}]({path.name})")
    return "\n".join(lines)


def _filled(entry: Any, pages: list[str]) -> Any:
    """Return an entry of the navigation with the pages of a folder in place of the folder's name."""
    if isinstance(entry, list):
        return [_filled(one, pages) for one in entry]
    if isinstance(entry, dict):
        return {title: _filled(one, pages) for title, one in entry.items()}
    if entry.endswith("/"):
        return [f"{entry}index.md", *(page for page in pages if page.startswith(entry))]
    return entry


def _named(entry: Any) -> list[str]:
    if isinstance(entry, str):
        return [entry]
    return [page for one in (entry.values() if isinstance(entry, dict) else entry) for page in _named(one)]
