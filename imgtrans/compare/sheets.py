"""Compares, and writes what came of it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from imgtrans.batch.request import Prepared
from imgtrans.compare.sheet import Sheet, page
from imgtrans.compare.variants import Made, Variant, made
from imgtrans.errors import FilesError
from imgtrans.files import written_atomically


def compared(
    variants: Sequence[tuple[Variant, Prepared]], told: Callable[[Variant], None] = lambda variant: None
) -> dict[Path, list[Made]]:
    """Translate every picture in every way, and return what came of each picture.

    Args:
        variants: The ways.
        told: Is told of each when it is done.

    Raises:
        FilesError: If there is no picture, or two would make one translation.
    """
    rows: dict[Path, list[Made]] = {}
    for variant, prepared in variants:
        for one in made(variant, prepared):
            rows.setdefault(one.picture, []).append(one)
        told(variant)
    return rows


def write(place: Path, variants: Sequence[Variant], rows: Mapping[Path, Sequence[Made]]) -> None:
    """Write a comparison as a PNG or an HTML page, as its name says.

    Raises:
        FilesError: If it cannot be written.
    """
    try:
        with written_atomically(place) as temporary:
            if place.suffix.lower() == ".png":
                sheet = Sheet(variants)
                shown = [row for row in rows.items() if any(one.path for one in row[1])]
                for picture, made_of_it in shown:
                    sheet.add(picture, made_of_it)
                sheet.drawn().save(temporary, "PNG")
            else:
                models = " and ".join(dict.fromkeys(variant.model for variant in variants))
                temporary.write_text(
                    page(f"{len(rows)} pictures by {models}", variants, list(rows.items())), encoding="utf-8"
                )
    except OSError as error:
        raise FilesError(f"{place} cannot be written: {error.strerror}") from error
