"""The weights of extractors that others have trained: the user's file, or fetched once and kept."""

from collections.abc import Callable

from torch import Tensor

from imgtrans import places
from imgtrans.checkpoint import read_weights
from imgtrans.errors import ModelError, UnavailableError
from imgtrans.files import sha256_of
from imgtrans.quality.extractor import Means
from imgtrans.zoo import hub
from imgtrans.zoo.download import download, shown

_FOLDER = "extractors"
_OWN_FILE = "where there is no network, give the file that was fetched elsewhere: --features FILE"


def weights_for(means: Means, file: str, where: Callable[[], tuple[str, dict[str, str], str]]) -> dict[str, Tensor]:
    """Return the weights of an extractor; no code in their file is ever run.

    Args:
        means: Where the user's file stands, if there is one.
        file: What the fetched one is called among those that are kept.
        where: Called if it has to be fetched: returns its URL, the headers of the request, and how its sha256 begins.

    Raises:
        ModelError: If the file is no checkpoint, or what is fetched is not what it should be.
        UnavailableError: If it cannot be fetched.
    """
    if means.weights is not None:
        return read_weights(means.weights)
    path = places.home() / _FOLDER / file
    if not path.exists():
        try:
            url, headers, sha256 = where()
            means.say(f"fetching {shown(url)}, once")
            part = path.with_name(f"{path.name}.new")
            download(url, part, headers=headers, say=means.say)
        except UnavailableError as error:
            raise UnavailableError(error.message, _OWN_FILE) from error
        if not sha256_of(part).startswith(sha256):
            part.unlink()
            raise ModelError(f"what {shown(url)} sent is not what it should be: its checksum is another", _OWN_FILE)
        part.replace(path)
    return read_weights(path)


def at_url(url: str) -> tuple[str, dict[str, str], str]:
    """Return where weights are whose name ends in how their sha256 begins, as PyTorch's hub has it."""
    return url, {}, url.rpartition("-")[2].partition(".")[0]


def on_hub(reference: str) -> tuple[str, dict[str, str], str]:
    """Return where a file of the Hugging Face Hub is."""
    found = hub.resolve(reference)
    return found.url, dict(found.headers), found.sha256


def check_fits(problem: Exception, means: Means, name: str) -> ModelError:
    """Return what is said of weights that are not an extractor's."""
    what = means.weights or "what was fetched"
    return ModelError(f"{what} does not hold the weights of {name}: {str(problem).splitlines()[0].rstrip(':')}")
