"""``imgtrans plugins``: what installed packages add, and whether it works."""

from typing import TYPE_CHECKING, Annotated

import typer

from imgtrans.cli import options
from imgtrans.console import Console
from imgtrans.errors import UnavailableError

if TYPE_CHECKING:
    from imgtrans.registry import Registered


def plugins(
    check: Annotated[bool, typer.Option("--check", help="Load each, and say what does not work.")] = False,
    own: Annotated[
        bool,
        typer.Option("--options", help="List what -O can set: the options that implementations have of their own."),
    ] = False,
    json: options.Json = False,
) -> None:
    """List the architectures, backends, executors and objectives that are installed, imgtrans's own first.

    Examples:
        imgtrans plugins --check
        imgtrans plugins --options
    """
    from imgtrans.registry import GROUPS, registered

    console = options.console(json_lines=json)
    if own:
        _list_options(console)
        return
    rows, broken = [], []
    for one in (one for group in GROUPS for one in registered(group)):
        status, reason = _checked(one) if check else _known(one)
        if status == "broken":
            broken.append(one.package)
        console.record(
            group=one.group, name=one.name, package=one.package, version=one.version, status=status, reason=reason
        )
        kind = one.group.rpartition(".")[2]
        rows.append([kind, one.name, one.package, one.version, f"{status}: {reason}" if reason else status])
    console.table(["group", "name", "package", "version", "status"], rows)
    if broken:
        raise UnavailableError(
            f"{', '.join(dict.fromkeys(broken))} cannot be used", "imgtrans goes on without; update or uninstall it"
        )


def _list_options(console: Console) -> None:
    from imgtrans.registry import GROUPS, implementations
    from imgtrans.settings import described

    rows = []
    for group in GROUPS:
        for name in implementations(group):
            for spelled, told in described(group, name):
                console.record(group=group, name=name, option=spelled, help=told)
                rows.append([spelled, told])
    console.table(["option", "what it is"], rows)


def _known(one: "Registered") -> tuple[str, str]:
    """Return what is known without loading it, which would take torch and its seconds."""
    return ("left out", one.left_out) if one.left_out else ("installed", "")


def _checked(one: "Registered") -> tuple[str, str]:
    from imgtrans.registry import load

    if one.left_out:
        return _known(one)
    try:
        load(one)
    except UnavailableError as error:
        return "broken", error.message
    return "works", ""
