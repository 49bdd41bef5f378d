"""The page itself: one HTML file that carries all but its pictures, and asks nothing of the network."""

import html
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from imgtrans import __version__
from imgtrans.training.report.curves import Curves

_DIGITS = 4  # that a value has on the page


@dataclass(frozen=True)
class Chart:
    """Curves that are drawn into one frame.

    Attributes:
        title: What they are.
        note: What to look for in them.
        curves: The curves.
        falls_far: Whether values span so much that a logarithmic scale shows more.
    """

    title: str
    note: str
    curves: Curves
    falls_far: bool = False


@dataclass(frozen=True)
class Table:
    """Facts, a row each.

    Attributes:
        title: What they are.
        heads: Of the columns; () for a list of names and values.
        rows: The cells.
    """

    title: str
    rows: Sequence[Sequence[str]]
    heads: Sequence[str] = ()


@dataclass(frozen=True)
class Page:
    """What a report shows.

    Attributes:
        title: What is trained.
        state: ``running``, ``complete``, ``stopped`` or ``failed``.
        summary: How it stands, in a line.
        troubles: What went wrong, and what to do about it.
        charts: Its curves.
        grids: Pictures over time: the step, and the address from the page.
        tables: Scores, settings, data.
        now: Seconds since 1970.
    """

    title: str
    state: str
    summary: str
    troubles: Sequence[tuple[str, str]] = ()
    charts: Sequence[Chart] = ()
    grids: Sequence[tuple[int, str]] = ()
    tables: Sequence[Table] = ()
    now: float = field(default_factory=time.time)


def render(page: Page) -> str:
    """Return a report as HTML."""
    data = {
        "state": page.state,
        "now": round(page.now),
        "grids": page.grids,
        "charts": [
            {"title": one.title, "note": one.note, "log": one.falls_far, "lines": _lines(one.curves)}
            for one in page.charts
            if one.curves.by_name
        ],
    }
    refreshed = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(page.now))
    values = {
        "title": html.escape(page.title),
        "state": html.escape(page.state),
        "summary": html.escape(page.summary),
        "troubles": "".join(
            f"<li><b>{html.escape(said)}</b><br>{html.escape(hint)}</li>" for said, hint in page.troubles
        ),
        "tables": "\n".join(_table(one) for one in page.tables if one.rows),
        "made": f"Made by imgtrans {__version__}, last refreshed {refreshed}.",
        # No text can end the element that it stands in.
        "data": json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"),
    }
    first, *parts = (files("imgtrans.training.report") / "page.html").read_text(encoding="utf-8").split("{{")
    return first + "".join(values[name] + rest for name, _, rest in (part.partition("}}") for part in parts))


def _lines(curves: Curves) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "points": [
                [point.step, _short(point.mean)]
                if point.low == point.high
                else [point.step, _short(point.mean), _short(point.low), _short(point.high)]
                for point in curve.points()
            ],
        }
        for name, curve in curves.by_name.items()
    ]


def _short(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _table(table: Table) -> str:
    head = "".join(f"<th scope=col>{html.escape(one)}</th>" for one in table.heads)
    rows = []
    for row in table.rows:
        first, *rest = (html.escape(cell) for cell in row)
        rows.append(f"<tr><th scope=row>{first}</th>{''.join(f'<td>{cell}</td>' for cell in rest)}</tr>")
    head = f"<thead><tr>{head}</tr></thead>" if head else ""
    return (
        f"<details open><summary>{html.escape(table.title)}</summary>"
        f"<div class=wide><table>{head}<tbody>{''.join(rows)}</tbody></table></div></details>"
    )
