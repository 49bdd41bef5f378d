"""What has the system start a watching and keep it up: a unit of systemd or an agent of launchd, as text."""

import os
import plistlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

WATCHDOG_SECONDS = 180
STOP_SECONDS = 30  # beyond the grace that pictures in hand have
KINDS = ("systemd", "launchd")


@dataclass(frozen=True)
class Service:
    """A watching as a service.

    Attributes:
        words: Its command line; the program is an absolute path.
        folder: The working folder, from which its relative paths go.
        reads: Folders that must be there, absolute: the inboxes.
        writes: Folders that it writes into, absolute: outputs, archives, and inboxes whose sources are moved.
        grace: Seconds that pictures in hand have to be finished.
        user: The account that runs it; "" is whoever the system takes.
        environment: Variables that it needs.
        network: Whether it, or a command that it starts, may need the network.
        only_cpu: Whether it needs no other device.
    """

    words: Sequence[str]
    folder: Path
    reads: Sequence[Path]
    writes: Sequence[Path]
    grace: float
    user: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    network: bool = False
    only_cpu: bool = False

    @property
    def name(self) -> str:
        """What it is called, after its first inbox."""
        kept = "".join(c if c.isascii() and c.isalnum() else "-" for c in self.reads[0].name)
        return f"imgtrans-{kept.strip('-') or 'inbox'}"


def systemd(service: Service) -> str:
    """Return a unit that may read everything, write what it must, and nothing else."""
    paths = [*dict.fromkeys([*service.reads, *service.writes])]
    own_tmp = not any(path.is_relative_to(tmp) for path in [*paths, service.folder] for tmp in ("/tmp", "/var/tmp"))  # noqa: S108 - looked at, not written to
    environment = {"XDG_CACHE_HOME": "/var/cache", **service.environment}
    writes = " ".join(_quoted(os.fspath(path)) for path in service.writes)
    user = f"User={_plain(service.user)}" if service.user else "# User=  (an account that may read the inbox; not root)"
    lines = [
        f"# /etc/systemd/system/{service.name}.service",
        f"# These must be there before it starts: {writes}",
        "[Unit]",
        f"Description=imgtrans watches {_plain(os.fspath(service.reads[0]))}",
        "Documentation=man:systemd.service(5)",
        f"RequiresMountsFor={' '.join(_quoted(os.fspath(path)) for path in paths)}",
        "StartLimitIntervalSec=600",
        "StartLimitBurst=5",
        "",
        "[Service]",
        "Type=notify",
        "NotifyAccess=main",
        f"ExecStart={' '.join(_quoted(word, dollars=True) for word in service.words)}",
        "ExecReload=/bin/kill -HUP $MAINPID",
        f"WorkingDirectory={_plain(os.fspath(service.folder))}",
        *(f"Environment={_quoted(f'{name}={value}')}" for name, value in environment.items()),
        user,
        f"RuntimeDirectory=imgtrans/{service.name}",
        "RuntimeDirectoryPreserve=yes",
        "CacheDirectory=imgtrans",
        "",
        "# SIGTERM has it finish the pictures in hand.",
        "KillMode=mixed",
        "TimeoutStartSec=300",
        f"TimeoutStopSec={service.grace + STOP_SECONDS:.0f}",
        f"WatchdogSec={WATCHDOG_SECONDS}",
        "Restart=on-failure",
        "RestartSec=10",
        "# A wrong command line, configuration or model does not mend itself.",
        "RestartPreventExitStatus=2 3",
        "",
        f"ReadWritePaths={writes}",
        "ProtectSystem=strict",
        "ProtectHome=read-only",
        *(["PrivateTmp=yes"] if own_tmp else []),
        *(["PrivateDevices=yes"] if service.only_cpu else ["DevicePolicy=closed", "DeviceAllow=char-nvidia* rw"]),
        *(["RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6"] if service.network else _ALONE),
        *_HARDENED,
        "",
        "[Install]",
        "WantedBy=multi-user.target",
    ]
    return "\n".join(lines) + "\n"


_ALONE = ["PrivateNetwork=yes", "RestrictAddressFamilies=AF_UNIX"]

_HARDENED = """\
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
# Not MemoryDenyWriteExecute: kernels for this processor are made when it starts.""".splitlines()


def launchd(service: Service) -> str:
    """Return an agent for ``~/Library/LaunchAgents``."""
    log = Path.home() / "Library" / "Logs" / f"{service.name}.log"
    agent = {
        "Label": f"org.imgtrans.{service.name.removeprefix('imgtrans-')}",
        "ProgramArguments": [*service.words],
        "WorkingDirectory": os.fspath(service.folder),
        "EnvironmentVariables": dict(service.environment),
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": 10,
        "ExitTimeOut": round(service.grace + STOP_SECONDS),
        "ProcessType": "Background",
        "StandardOutPath": "/dev/null",
        "StandardErrorPath": os.fspath(log),
    }
    return plistlib.dumps(agent, sort_keys=False).decode()


def _plain(text: str) -> str:
    """Return a text for a setting that takes it as it stands."""
    return _escaped(text).replace("%", "%%")


def _quoted(text: str, *, dollars: bool = False) -> str:
    """Return a word for a setting that takes several.

    Args:
        text: What it is.
        dollars: Whether the setting replaces variables.
    """
    text = _plain(text.replace("\\", "\\\\").replace('"', '\\"'))
    text = text.replace("$", "$$") if dollars else text
    return text if text and all(c.isalnum() or c in "/._-=:,+%@" for c in text) else f'"{text}"'


def _escaped(text: str) -> str:
    """Escape what would end a line, and bytes that are no UTF-8."""
    text = os.fsencode(text).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else "".join(f"\\x{byte:02x}" for byte in c.encode()) for c in text)
