"""How watching stands, in the text format of Prometheus, for the textfile collector of its node exporter."""

import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from imgtrans import __version__
from imgtrans.watching.service.standing import STATES, Standing
from imgtrans.watching.service.status import replaced

PREFIX = "imgtrans_watch_"

_SINGLE = (
    ("queue", "gauge", "Pictures that are known and not begun, or not whole yet.", "queue"),
    ("in_hand", "gauge", "Pictures being translated.", "in_hand"),
    (
        "passed_over",
        "gauge",
        "Pipes, sockets, devices and links out of the inbox, which are not opened.",
        "passed_over",
    ),
    ("model_loaded", "gauge", "Whether the model is in memory.", "loaded"),
    ("retries_total", "counter", "How often a picture that had failed was tried again.", "retried"),
    ("sources_moved_total", "counter", "Sources archived, deleted or put into quarantine.", "moved"),
    ("pixels_total", "counter", "Pixels of the pictures translated.", "pixels"),
    ("model_seconds_total", "counter", "What the network took for them.", "model_seconds"),
    ("start_time_seconds", "gauge", "When watching was started.", "started"),
    ("last_translated_timestamp_seconds", "gauge", "When a picture was last translated; 0 is never.", "last_done"),
    ("last_failure_timestamp_seconds", "gauge", "When a picture last failed; 0 is never.", "last_failure"),
)


def rendered(standings: Iterable[Standing], now: float) -> str:
    """Return the metrics of some inboxes at a time in seconds since 1970."""
    all_of_them = [(standing, {"inbox": standing.inbox}) for standing in standings]
    lines = _family("info", "gauge", "The version that runs.", [({"version": __version__}, 1)])
    results = [
        ({**labels, "result": result}, count)
        for standing, labels in all_of_them
        for result, count in (
            ("translated", standing.translated),
            ("failed", standing.failed),
            ("done_before", standing.known),
        )
    ]
    lines += _family("pictures_total", "counter", "Pictures by what has become of them.", results)
    states = [
        ({**labels, "state": state}, int(state == standing.state))
        for standing, labels in all_of_them
        for state in STATES
    ]
    lines += _family("state", "gauge", "1 for the state that it is in.", states)
    for name, kind, help, attribute in _SINGLE:
        samples = [(labels, float(getattr(standing, attribute))) for standing, labels in all_of_them]
        lines += _family(name, kind, help, samples)
    lines += _family("heartbeat_timestamp_seconds", "gauge", "When this was written by somebody alive.", [({}, now)])
    return "\n".join(lines) + "\n"


def write(path: Path, standings: Iterable[Standing]) -> bool:
    """Put the metrics into a file, all of them or none; return whether that went well."""
    return replaced(path, rendered(standings, time.time()))


def _family(name: str, kind: str, help: str, samples: Iterable[tuple[Mapping[str, str], float]]) -> list[str]:
    return [
        f"# HELP {PREFIX}{name} {help}",
        f"# TYPE {PREFIX}{name} {kind}",
        *(f"{PREFIX}{name}{_labels(labels)} {_number(value)}" for labels, value in samples),
    ]


def _labels(labels: Mapping[str, str]) -> str:
    told = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{told}}}" if told else ""


def _escaped(value: str) -> str:
    value = value.encode("utf-8", "replace").decode()  # a path may have bytes that are no UTF-8
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.3f}"
