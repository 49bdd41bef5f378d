"""Makes the page of an output folder, and the thumbnails beside it; what is there already is made only once."""

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

from imgtrans.card import Card
from imgtrans.errors import FilesError, ImgtransError
from imgtrans.files import cannot_go_on, sweep_temporaries, written_atomically
from imgtrans.gallery.entries import Entry, address, entry_of, stale
from imgtrans.gallery.page import Shown, render
from imgtrans.gallery.place import PAGE, gallery_page
from imgtrans.gallery.thumbnails import is_made, needs_preview, workers, write_preview, write_thumbnail
from imgtrans.journal.entry import LastRun
from imgtrans.journal.location import inside
from imgtrans.journal.status import STATES, Status, read_status
from imgtrans.zoo.store import models

MOST = 50_000  # pictures on a page: what a browser still opens in moments
_AHEAD = 64  # thumbnails that are asked for before the first of them is there


def make_gallery(
    output: Path, name: str = PAGE, progress: Callable[[int, int], None] = lambda done, of: None
) -> tuple[Path, int]:
    """Write a page that shows each picture of an output folder, before and after.

    Args:
        output: The output folder of a run, which may still be at work.
        name: Of the page in that folder.
        progress: Is told how many pictures are ready, of how many.

    Returns:
        The page, and how many pictures had to be left out of it.

    Raises:
        UsageError: If the name is no name of a page.
        FilesError: If nothing was translated into the folder, or it cannot be written.
    """
    page = gallery_page(output, name)
    if not inside(output).is_dir():
        raise FilesError(f"{output} is no output folder of imgtrans", "name the folder that run wrote into")
    with read_status(output) as status, _explained(output):
        standings = status.standings()
        entries = [entry_of(standing, output) for standing in itertools.islice(standings, MOST)]
        left_out = sum(1 for _ in standings)
        thumbnails = inside(output) / "gallery"
        thumbnails.mkdir(exist_ok=True)
        sweep_temporaries(thumbnails)
        shown = []
        for one in _pictured(entries, thumbnails, page):
            shown.append(one)
            progress(len(shown), len(entries))
        wanted = {part.rpartition("/")[2] for one in shown for part in (one.before, one.after, one.thumbnail)}
        for path in stale(thumbnails, wanted):
            path.unlink(missing_ok=True)
        text = render(f"{output.resolve().name}", _summary(entries, left_out), list(_facts(status)), shown)
        with written_atomically(page) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return page, left_out


def _pictured(entries: list[Entry], folder: Path, page: Path) -> Iterator[Shown]:
    """Yield what the page shows, in the order of the entries, making what is not there yet."""
    waiting: list[Future[Shown]] = []
    coming = iter(entries)
    with ThreadPoolExecutor(workers(), "gallery") as pool:
        try:
            waiting += [pool.submit(_picture, entry, folder, page) for entry in itertools.islice(coming, _AHEAD)]
            while waiting:
                wait(waiting[:1], return_when=FIRST_COMPLETED)
                yield waiting.pop(0).result()
                waiting += [pool.submit(_picture, entry, folder, page) for entry in itertools.islice(coming, 1)]
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _picture(entry: Entry, folder: Path, page: Path) -> Shown:
    thumbnail = folder / f"{entry.version}.webp"
    there = is_made(thumbnail) or write_thumbnail(entry.before, entry.after, thumbnail)
    before = _showable(entry.before, folder / f"{entry.version}-before.jpg")
    after = _showable(entry.after, folder / f"{entry.version}-after.jpg")
    places = (address(path, page) if path else "" for path in (before, after, thumbnail if there else None))
    return Shown(entry, *places)


def _showable(picture: Path | None, preview: Path) -> Path | None:
    """Return a file that a browser can show of a picture, if there is one or can be one."""
    if picture is None or not needs_preview(picture):
        return picture
    return preview if is_made(preview) or write_preview(picture, preview) else None


def _summary(entries: list[Entry], left_out: int) -> str:
    counts = {state: sum(entry.state == state for entry in entries) for state in STATES}
    told = ", ".join(f"{count:,} {state}" for state, count in counts.items() if count) or "no picture"
    return told + (f"; {left_out:,} more are not shown" if left_out else "")


def _facts(status: Status) -> Iterator[tuple[str, str]]:
    """Yield what is known of how the pictures were made."""
    if not status.runs:
        return
    last = status.runs[0]
    yield "Model", last.name
    card = _card(last)
    if card and card.source and card.target:
        yield "Turns", f"{card.source} into {card.target}"
    if card:
        size = f"{card.parameters['ngf']} wide, {card.parameters['blocks']} blocks"
        yield "Network", f"{card.architecture}, {size}" if "ngf" in card.parameters else card.architecture
        told = (("Trained on", card.data_set), ("Licence of the weights", card.licence), ("From", card.provenance))
        yield from (fact for fact in told if fact[1])
    yield "Weights", last.model[:16]
    yield "Settings", last.settings
    seconds = last.ended - last.started
    if last.ended and seconds > 0 and last.settled:
        yield (
            "Last run",
            f"{last.settled:,} pictures in {seconds:,.1f} s, {last.settled / seconds:.2f} pictures a second",
        )


def _card(run: LastRun) -> Card | None:
    try:
        return next((model.card for model in models() if model.card.sha256 == run.model), None)
    except ImgtransError:
        return None


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Say in a sentence that the folder cannot be written."""
    try:
        yield
    except OSError as error:
        raise cannot_go_on(folder, error) or FilesError(f"the page of {folder} cannot be written: {error}") from error
