"""Names to implementations: one small registry, of core's own and of what entry points bring."""

import os
import shlex
import warnings
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from imgtrans import __version__, stdout
from imgtrans.errors import UnavailableError
from imgtrans.protocols import Architecture, Backend, Executor, Objective

CORE = "imgtrans"
GROUPS = {
    "imgtrans.architectures": Architecture,
    "imgtrans.backends": Backend,
    "imgtrans.executors": Executor,
    "imgtrans.objectives": Objective,
}
# Known without installed metadata, of which a source tree, a zipapp or a frozen program has none.
BUILT_IN = {
    "imgtrans.architectures": {"resnet": "imgtrans.architectures.family:architecture"},
    "imgtrans.backends": {
        "eager": "imgtrans.backends.eager:backend",
        "fused": "imgtrans.cuda.backend:backend",
        "prepared": "imgtrans.streaming.prepared:backend",
    },
    "imgtrans.executors": {"local": "imgtrans.executors.local:LocalExecutor"},
    "imgtrans.objectives": {
        "cyclegan": "imgtrans.training.objectives.cyclegan:CycleGAN",
        "cut": "imgtrans.training.objectives.cut:CUT",
        "fastcut": "imgtrans.training.objectives.cut:FastCUT",
        "modern": "imgtrans.training.objectives.cyclegan:CycleGAN",
    },
}
TURNED_OFF = "IMGTRANS_PLUGINS does not name it"


class PluginWarning(UserWarning):
    """A plugin does not work and was left out."""


@dataclass(frozen=True)
class Registered:
    """What core or an installed package registers.

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
    """Return all that core and installed packages register in a group, core's own first; nothing is loaded.

    A name belongs to core, else to the first package of the alphabet. ``IMGTRANS_PLUGINS=`` (set, but
    empty) leaves all plugins out; a comma-separated list of packages keeps those.
    """
    points = {name: EntryPoint(name, value, group) for name, value in BUILT_IN[group].items()}
    listed = [Registered(group, name, CORE, __version__, "", point) for name, point in points.items()]
    found = dict.fromkeys(points, CORE)
    # An older imgtrans brought its own by entry points, too, and their metadata may still lie about.
    plugins = [point for point in entry_points(group=group) if _package(point) != CORE]
    for point in sorted(plugins, key=_package):
        package = _package(point)
        left_out = "" if _enabled(package) else TURNED_OFF
        if not left_out and found.setdefault(point.name, package) != package:
            left_out = f"the name {point.name!r} is taken by {found[point.name]}"
        listed.append(Registered(group, point.name, package, _says(point, "Version"), left_out, point))
    return listed


def load(one: Registered) -> Any:
    """Return the implementation that stands behind an entry point.

    Raises:
        UnavailableError: If a plugin's cannot be loaded, or is not what its group's Protocol says.
    """
    if one.package != CORE:
        stdout.keep()  # whatever it prints is no result
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


def implementation(group: str, name: str, package: str = "") -> Any:
    """Return the implementation called ``name``.

    Args:
        group: One of ``GROUPS``.
        name: What it is found by.
        package: Who had it, where that is known, for the hint.

    Raises:
        UnavailableError: If there is none.
    """
    found = implementations(group)
    if name not in found:
        kind = group.rpartition(".")[2]
        raise UnavailableError(
            f"there is no {name!r} among the {kind}: {', '.join(sorted(found))}", _where(group, name, package)
        )
    return found[name]


def package_of(group: str, name: str) -> str:
    """Return which package brings an implementation; "" for core, or if none does."""
    one = next((one for one in registered(group) if one.name == name and not one.left_out), None)
    return one.package if one and one.package != CORE else ""


def _where(group: str, name: str, package: str) -> str:
    """Return where a missing implementation can come from, as far as that is known."""
    for one in registered(group):
        if one.name == name:  # it is installed, and does not work or may not
            return f"{one.package} has it, but is left out: {one.left_out or 'it cannot be loaded'}"
    if not package or package == CORE:
        return "imgtrans plugins lists what there is; a plugin may bring it"
    return f"it came with the package {package}: pip install {shlex.quote(package)}"


def _package(point: EntryPoint) -> str:
    return _says(point, "Name") or point.value.partition(":")[0]  # of a damaged installation, that is all there is


def _says(point: EntryPoint, field: str) -> str:
    return point.dist.metadata[field] if point.dist and field in point.dist.metadata else ""


def _enabled(package: str) -> bool:
    chosen = os.environ.get("IMGTRANS_PLUGINS")
    return chosen is None or package in (name.strip() for name in chosen.split(","))
