"""The page itself: one HTML file that carries all it needs and asks nothing of the network."""

import html
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from imgtrans import __version__
from imgtrans.gallery.entries import Entry, folders, shown
from imgtrans.journal.status import STATES


@dataclass(frozen=True)
class Shown:
    """An entry, and what the page calls its files; "" where there is none."""

    entry: Entry
    before: str
    after: str
    thumbnail: str


def render(title: str, summary: str, facts: Sequence[tuple[str, str]], pictures: Sequence[Shown]) -> str:
    """Return the page as HTML.

    Args:
        title: What it is called.
        summary: A line below that.
        facts: What is said of how they were made, each with its name.
        pictures: What it shows, in this order.
    """
    places = folders([one.entry for one in pictures])
    number = {place: index for index, place in enumerate(places)}
    data = {
        "folders": [shown(place) for place in places],
        "states": STATES,
        "entries": [_row(one, number) for one in pictures],
    }
    listed = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(shown(told))}</dd>" for name, told in facts)
    made = f"Made by imgtrans {__version__} on {time.strftime('%Y-%m-%d %H:%M')}."
    values = {
        "title": html.escape(shown(title)),
        "summary": html.escape(shown(summary)),
        "facts": listed,
        "made": made,
        # No name of a file can end the element that it stands in.
        "data": json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"),
    }
    first, *parts = (files("imgtrans.gallery") / "page.html").read_text(encoding="utf-8").split("{{")
    return first + "".join(values[name] + rest for name, _, rest in (part.partition("}}") for part in parts))


def _row(one: Shown, number: dict[str, int]) -> list[Any]:
    entry = one.entry
    state = STATES.index(entry.state)
    return [
        number[entry.folder], shown(entry.name), state, one.before, one.after, one.thumbnail, shown(entry.reason),
    ]  # fmt: skip
