"""What decides how imgtrans behaves besides the command line: its configuration and the environment."""

import os
from collections.abc import Iterator

from imgtrans.config import find_config
from imgtrans.doctor.finding import GOOD, Finding


def check_settings() -> Iterator[Finding]:
    """Look which configuration there is and which variables are set; that they make sense is known by now."""
    path = find_config()
    yield Finding(GOOD, f"configuration: {path.absolute()}" if path else "no configuration file")
    for name in sorted(os.environ):
        if name.startswith(("IMGTRANS_", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES")):
            yield Finding(GOOD, f"{name}={os.environ[name]}")
