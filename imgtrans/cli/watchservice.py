"""``imgtrans watch --install``: the command line that was typed, as a service."""

import getpass
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from imgtrans.console import Console
from imgtrans.watching.conduct import Conduct
from imgtrans.watching.units import Service, launchd, systemd

INSTALL = "--install"


def print_service(kind: str, service: Service, console: Console) -> None:
    """Print a unit or an agent on stdout, and on stderr what to do with it."""
    console.result((systemd if kind == "systemd" else launchd)(service).rstrip("\n"))
    if kind == "systemd":
        console.say(f"put it into /etc/systemd/system/{service.name}.service, make sure that these folders are there:")
        console.say(f"  {' '.join(str(path) for path in service.writes)}")
        console.say(f"and: systemctl daemon-reload && systemctl enable --now {service.name}")
    else:
        label = f"org.imgtrans.{service.name.removeprefix('imgtrans-')}"
        console.say(f"put it into ~/Library/LaunchAgents/{label}.plist,")
        console.say(f"and: launchctl bootstrap gui/$(id -u) ~/Library/LaunchAgents/{label}.plist")


def service_of(
    watched: Sequence[tuple[Path, Path, Conduct]],
    *,
    only_cpu: bool,
    network: bool,
    arguments: Sequence[str] = sys.argv,
    environment: Mapping[str, str] = os.environ,
) -> Service:
    """Return what has the same command line started in the same folder, with the same variables.

    Args:
        watched: Each inbox, where its outputs go, and how it is looked after.
        only_cpu: Whether it needs no other device.
        network: Whether it may need the network.
        arguments: The command line.
        environment: The variables.
    """
    writes: list[Path] = []
    for inbox, output, conduct in watched:
        metrics = conduct.metrics.parent if conduct.metrics else None
        writes += [path.absolute() for path in (output, conduct.archive, conduct.failed, metrics) if path]
        if conduct.archive or conduct.delete or conduct.failed:
            writes.append(inbox.absolute())
    return Service(
        words=[*_program(arguments[0]), *_without_install(arguments[1:])],
        folder=Path.cwd(),
        reads=[inbox.absolute() for inbox, _, _ in watched],
        writes=[*dict.fromkeys(writes)],
        grace=max(conduct.grace for _, _, conduct in watched),
        user=_user(environment),
        environment={name: value for name, value in environment.items() if name.startswith("IMGTRANS_")},
        network=network or any(conduct.on_done for _, _, conduct in watched),
        only_cpu=only_cpu,
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
