"""``imgtrans watch --install``: the command line that was typed, as a service."""

import getpass
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import typer

from imgtrans.batch.request import prepare
from imgtrans.console import Console
from imgtrans.watching.inbox import Inbox
from imgtrans.watching.service.units import Service, launchd, systemd

INSTALL = "--install"


def print_service(kind: str, service: Service, console: Console) -> None:
    """Print a unit or an agent on stdout, and on stderr what to do with it."""
    typer.echo((systemd if kind == "systemd" else launchd)(service), nl=False)
    if kind == "systemd":
        console.say(f"put it into /etc/systemd/system/{service.name}.service, make sure that these folders are there:")
        console.say(f"  {' '.join(str(path) for path in service.writes)}")
        console.say(f"and: systemctl daemon-reload && systemctl enable --now {service.name}")
    else:
        label = f"org.imgtrans.{service.name.removeprefix('imgtrans-')}"
        console.say(f"put it into ~/Library/LaunchAgents/{label}.plist,")
        console.say(f"and: launchctl bootstrap gui/$(id -u) ~/Library/LaunchAgents/{label}.plist")


def service_of(
    inboxes: Sequence[Inbox],
    *,
    network: bool,
    arguments: Sequence[str] = sys.argv,
    environment: Mapping[str, str] = os.environ,
) -> Service:
    """Return what has the same command line started in the same folder, with the same variables.

    Args:
        inboxes: What it watches.
        network: Whether it may need the network.
        arguments: The command line.
        environment: The variables.

    Raises:
        ImgtransError: If what is asked for cannot be, as far as that can be known beforehand.
    """
    writes: list[Path] = []
    for inbox in inboxes:
        output, conduct = prepare(inbox.request).destination.folder, inbox.conduct
        conduct.check_folders(inbox.folder, output)
        metrics = conduct.metrics.parent if conduct.metrics else None
        writes += [path.absolute() for path in (output, conduct.archive, conduct.failed, metrics) if path]
        if conduct.archive or conduct.delete or conduct.failed:
            writes.append(inbox.folder.absolute())
    return Service(
        words=[*_program(arguments[0]), *_without_install(arguments[1:])],
        folder=Path.cwd(),
        reads=[inbox.folder.absolute() for inbox in inboxes],
        writes=[*dict.fromkeys(writes)],
        grace=max(inbox.conduct.grace for inbox in inboxes),
        user=_user(environment),
        environment={name: value for name, value in environment.items() if name.startswith("IMGTRANS_")},
        network=network or any(inbox.conduct.on_done for inbox in inboxes),
        only_cpu=all(inbox.request.device == "cpu" for inbox in inboxes),
    )


def _program(typed: str) -> list[str]:
    """Return what starts imgtrans from anywhere."""
    name = Path(typed).name
    found = shutil.which(typed) if name.removesuffix(".exe") == "imgtrans" else None
    return [os.path.abspath(found)] if found else [sys.executable, "-m", "imgtrans"]  # noqa: PTH100 - links stay


def _without_install(arguments: Sequence[str]) -> list[str]:
    kept: list[str] = []
    skip = False
    for argument in arguments:
        if skip or argument == INSTALL:
            skip = not skip
        elif not argument.startswith(f"{INSTALL}="):
            kept.append(argument)
    return kept


def _user(environment: Mapping[str, str]) -> str:
    """Return who is to run it: who asks, but never root."""
    try:
        user = environment.get("SUDO_USER", "") or getpass.getuser()
    except (OSError, KeyError):  # one without a name
        return ""
    return "" if user == "root" else user
