"""One picture in a file, translated into the file beside it."""

import os
from collections.abc import Callable, Iterator
from typing import Any

from imgtrans.api.results import Result
from imgtrans.errors import ImageError, UsageError
from imgtrans.storage.address import addressed


def translated_file(run: Callable[[Any], Iterator[Result]], path: str | os.PathLike[str]) -> Any:
    """Return the path of a file's translation, as text if the file's is.

    Args:
        run: Runs.
        path: The file.

    Raises:
        ImageError: If it is no picture, or cannot be translated.
        UsageError: If it is a folder.
    """
    if addressed(os.fspath(path)).is_dir():
        raise UsageError(f"{os.fspath(path)} is a folder", "model.run takes folders")
    found = [*run(path)]
    if not found:
        raise ImageError(f"{os.fspath(path)} is not a picture, or was made by imgtrans itself.")
    (result,) = found
    if result.error:
        raise ImageError(result.error)
    return str(result.output) if isinstance(path, str) else result.output
