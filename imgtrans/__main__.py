"""The program: runs the command line and turns what goes wrong into one sentence and an exit code."""

import os
import signal
import sys
import traceback
from types import FrameType
from typing import NoReturn

from imgtrans.cli.app import app
from imgtrans.console import Console
from imgtrans.errors import ImgtransError

BUG, TERMINATED, BROKEN_PIPE = 70, 143, 141


def main() -> NoReturn:
    """Run ``imgtrans`` with the process's arguments; never returns."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        app(prog_name="imgtrans")
    except ImgtransError as error:
        Console().error(error.message, error.hint)
        sys.exit(error.exit_code)
    except BrokenPipeError:  # whoever read our output has had enough; Python must not flush into it again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(BROKEN_PIPE)
    except Exception as error:
        traceback.print_exc()
        Console().error(f"this is a bug in imgtrans: {error!r}", "please report it with the lines above")
        sys.exit(BUG)
    sys.exit(0)


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(TERMINATED)


if __name__ == "__main__":
    main()
