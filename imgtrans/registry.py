"""Names to implementations: one small registry over entry points, for core and plugins alike."""

import os
import warnings
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from imgtrans.errors import UnavailableError
from imgtrans.protocols import Architecture, Backend, Executor

CORE = "imgtrans"
GROUPS = {
    "imgtrans.architectures": Architecture,
    "imgtrans.backends": Backend,
    "imgtrans.executors": Executor,
}
TURNED_OFF = "IMGTRANS_PLUGINS does not name it"


class PluginWarning(UserWarning):
    """A plugin does not work and was left out."""


@dataclass(frozen=True)
class Registered:
    """What an installed package registers.

    Attributes:
        group: One of ``GROUPS``.
        name: What it is found by.
        package: Who brings it.
        version: The package's.
        left_out: Why it is not used, as far as that is known without loading it; "" if it is.
        point: Its entry point.
    """

    group: str
    name: str
    package: str
    version: str
    left_out: str
    point: EntryPoint


def registered(group: str) -> list[Registered]:
    """Return all that installed packages register in a group, core's own first; nothing is loaded.

    A name belongs to core, else to the first package of the alphabet. ``IMGTRANS_PLUGINS=`` (set, but
    empty) leaves all plugins out; a comma-separated list of packages keeps those.
    """
    found: dict[str, str] = {}
    listed = []
    for point in sorted(entry_points(group=group), key=lambda point: (_package(point) != CORE, _package(point))):
        package = _package(point)
        left_out = "" if package == CORE or _enabled(package) else TURNED_OFF
        if not left_out and found.setdefault(point.name, package) != package:
            left_out = f"the name {point.name!r} is taken by {found[point.name]}"
        listed.append(Registered(group, point.name, package, _says(point, "Version"), left_out, point))
    return listed


def load(one: Registered) -> Any:
    """Return the implementation that stands behind an entry point.

    Raises:
        UnavailableError: If a plugin's cannot be loaded, or is not what its group's Protocol says.
    """
    try:
        implementation = one.point.load()
    except (Exception, SystemExit) as error:  # a plugin may fail in any way; the program goes on without it
        if one.package == CORE:
            raise
        raise UnavailableError(f"{type(error).__name__}: {' '.join(str(error).split())}") from error
    protocol = GROUPS[one.group]
    missing = [
        *(name for name in protocol.__annotations__ if not hasattr(implementation, name)),
        *(name for name in vars(protocol) if name[0] != "_" and not callable(getattr(implementation, name, None))),
    ]
    if missing and one.package != CORE:
        raise UnavailableError(f"it is no {protocol.__name__}, whose {' and '.join(missing)} it lacks")
    return implementation


@cache
def implementations(group: str) -> dict[str, Any]:
    """Return every working implementation of a group by name, core's own first.

    A plugin that cannot be loaded, or that takes a name already given, is left out with a
    :class:`PluginWarning` that names its package and the reason.
    """
    found: dict[str, Any] = {}
    for one in registered(group):
        reason = one.left_out
        if not reason:
            try:
                found[one.name] = load(one)
            except UnavailableError as error:
                reason = error.message
        if reason and reason != TURNED_OFF:
            warnings.warn(f"plugin {one.package} is left out: {reason}", PluginWarning, stacklevel=2)
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
    return _says(point, "Name") or point.value.partition(":")[0]  # of a damaged installation, that is all there is


def _says(point: EntryPoint, field: str) -> str:
    return point.dist.metadata[field] if point.dist and field in point.dist.metadata else ""


def _enabled(package: str) -> bool:
    chosen = os.environ.get("IMGTRANS_PLUGINS")
    return chosen is None or package in (name.strip() for name in chosen.split(","))
