"""Where a page goes, and that nothing of anybody else is there."""

from pathlib import Path

from imgtrans.errors import FilesError, UsageError

PAGE = "index.html"
MARK = '<meta name="generator" content="imgtrans gallery">'  # by which a page of ours is known


def gallery_page(output: Path, name: str = PAGE) -> Path:
    """Return where the page of an output folder goes.

    Raises:
        UsageError: If the name is no name of a page in that folder.
        FilesError: If something else stands there.
    """
    if Path(name).name != name or not name.lower().endswith((".html", ".htm")):
        raise UsageError(f"{name!r} is no name of a page", "it lies in the output folder: as in --page pictures.html")
    page = output / name
    if (page.exists() or page.is_symlink()) and not _is_ours(page):
        raise FilesError(
            f"{page} is there already, and imgtrans has not made it", "give the page another name with --page"
        )
    return page


def _is_ours(page: Path) -> bool:
    try:
        with page.open(encoding="utf-8", errors="replace") as file:
            return page.is_file() and MARK in file.read(4096)
    except OSError:
        return False
