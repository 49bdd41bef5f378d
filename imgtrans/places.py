"""Where imgtrans keeps what is its own: data such as models, and the state of what it did."""

import os
from pathlib import Path

import platformdirs


def home() -> Path:
    """Return the folder that holds imgtrans's data: ``IMGTRANS_HOME``, else the platform's place for it."""
    return _chosen() or platformdirs.user_data_path("imgtrans", appauthor=False)


def state_folder() -> Path:
    """Return the folder that holds what imgtrans remembers: below ``IMGTRANS_HOME``, else the platform's place."""
    chosen = _chosen()
    return chosen / "state" if chosen else platformdirs.user_state_path("imgtrans", appauthor=False)


def _chosen() -> Path | None:
    chosen = os.environ.get("IMGTRANS_HOME")
    return Path(chosen).expanduser() if chosen else None
