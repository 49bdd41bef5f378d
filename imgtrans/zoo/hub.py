"""``hf://owner/repo[/file]``: a file of the Hugging Face Hub, found through huggingface_hub, which is an extra."""

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from imgtrans.errors import ModelError, UnavailableError, UsageError
from imgtrans.zoo.store import READ_SUFFIXES

SCHEME = "hf://"
_TIMEOUT = 10.0


@dataclass(frozen=True)
class HubFile:
    """A file of the Hub.

    Attributes:
        reference: What it is called, with the file, as ``hf://owner/repo/file``.
        url: Where it is, at its present version.
        headers: What the request needs: the user's token, if there is one.
        sha256: What the Hub says of its content; empty where it says nothing.
    """

    reference: str
    url: str
    headers: Mapping[str, str]
    sha256: str


def resolve(reference: str) -> HubFile:
    """Find a file of the Hub; without its name, the only checkpoint of the repository.

    Raises:
        UsageError: If the reference is none, or the user has to say which file.
        UnavailableError: If huggingface_hub is not installed, or the Hub cannot be reached.
        ModelError: If there is no such repository or file.
    """
    parts = [part for part in reference.partition("://")[2].split("/") if part]
    if len(parts) < 2:
        raise UsageError(f"{reference} is no file of the Hub", "it is hf://owner/repo or hf://owner/repo/file")
    try:
        from huggingface_hub import HfApi, get_token, hf_hub_url  # noqa: PLC0415 - an extra
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError  # noqa: PLC0415
    except ImportError as error:
        raise UnavailableError("hf:// needs huggingface_hub", 'pip install "imgtrans[hf]"') from error
    http_error: Any = HfHubHTTPError.__bases__[0]  # of its HTTP library; which one that is depends on the version
    repo, wanted, endpoint = "/".join(parts[:2]), "/".join(parts[2:]), os.environ.get("HF_ENDPOINT") or None
    try:
        info = HfApi(endpoint=endpoint).model_info(repo, files_metadata=True, timeout=_TIMEOUT)
    except HFValidationError as error:
        raise UsageError(f"{reference} is no file of the Hub: {_first_line(error)}") from error
    except HfHubHTTPError as error:
        status = getattr(error.response, "status_code", 0)
        if status in (401, 403, 404):
            hint = "look whether it is spelled right; a private or gated one needs hf auth login"
            raise ModelError(f"the Hub shows no repository {repo}", hint) from error
        raise UnavailableError(
            f"the Hub cannot say what {repo} holds: {_first_line(error)}", "try again later"
        ) from error
    except (OSError, http_error) as error:
        raise UnavailableError(f"the Hub cannot be reached: {_first_line(error)}") from error
    token = get_token()
    files = {file.rfilename: file for file in info.siblings or []}
    file = files.get(wanted or _only_checkpoint(repo, [*files]))
    if file is None:
        raise ModelError(f"{repo} has no file {wanted}", f"it has {_listed(_checkpoints([*files])) or 'no checkpoint'}")
    return HubFile(
        f"{SCHEME}{repo}/{file.rfilename}",
        hf_hub_url(repo, file.rfilename, revision=info.sha, endpoint=endpoint),
        {"Authorization": f"Bearer {token}"} if token else {},
        file.lfs.sha256 if file.lfs else "",
    )


def _only_checkpoint(repo: str, files: list[str]) -> str:
    found = _checkpoints(files)
    if not found:
        raise ModelError(f"{repo} holds no checkpoint", f"one ends in {', '.join(sorted(READ_SUFFIXES))}")
    if len(found) > 1:
        raise UsageError(
            f"{repo} holds several checkpoints: {_listed(found)}",
            f"say which: {shlex.quote(f'{SCHEME}{repo}/{found[0]}')}",
        )
    return found[0]


def _checkpoints(files: list[str]) -> list[str]:
    return sorted(name for name in files if PurePosixPath(name).suffix.lower() in READ_SUFFIXES)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
