"""Names to implementations: one small registry over entry points, for core and plugins alike."""

import os
import warnings
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from imgtrans.errors import UnavailableError

CORE = "imgtrans"
GROUPS = ("imgtrans.architectures", "imgtrans.backends", "imgtrans.executors")


class PluginWarning(UserWarning):
    """A plugin does not work and was left out."""


@cache
def implementations(group: str) -> dict[str, Any]:
    """Return every working implementation of a group by name, core's own first.

    A plugin that cannot be loaded, or that takes a name already given, is left out with a
    :class:`PluginWarning` that names its package and the reason. ``IMGTRANS_PLUGINS=`` (set, but
    empty) leaves all plugins out; a comma-separated list of packages keeps those.
    """
    found: dict[str, Any] = {}
    for point in sorted(entry_points(group=group), key=lambda point: (_package(point) != CORE, _package(point))):
        package = _package(point)
        if package != CORE and not _enabled(package):
            continue
        if point.name in found:
            _warn(package, f"the name {point.name!r} is taken")
            continue
        try:
            found[point.name] = point.load()
        except (Exception, SystemExit) as error:  # a plugin may fail in any way; the program goes on without it
            if package == CORE:
                raise
            _warn(package, f"{type(error).__name__}: {error}")
    return found


def implementation(group: str, name: str) -> Any:
    """Return the implementation called ``name``.

    Raises:
        UnavailableError: If there is none.
    """
    found = implementations(group)
    if name not in found:
        kind = group.rpartition(".")[2]
        raise UnavailableError(f"there is no {name!r} among the {kind}: {', '.join(sorted(found))}")
    return found[name]


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist else ""


def _enabled(package: str) -> bool:
    chosen = os.environ.get("IMGTRANS_PLUGINS")
    return chosen is None or package in (name.strip() for name in chosen.split(","))


def _warn(package: str, reason: str) -> None:
    warnings.warn(f"plugin {package} is left out: {reason}", PluginWarning, stacklevel=3)
