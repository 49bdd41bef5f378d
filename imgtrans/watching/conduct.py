"""How a watched folder is looked after: one description, of which the options of ``watch`` and their help are made."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from imgtrans.batch.asked import INPUT, SERVICE, SOURCES, SPEED, Option, checked, described
from imgtrans.errors import OptionError
from imgtrans.watching.sources.ondone import parsed


@dataclass(frozen=True)
class Conduct:
    """How a watched folder is looked after, in plain values.

    Raises:
        OptionError: If a value makes no sense, whatever is in the folder.
    """

    settle: Annotated[
        float,
        Option("Seconds that a file must stay unchanged to count as whole.", value="SECONDS", least=0, group=INPUT),
    ] = 2.0
    polling: Annotated[
        str,
        Option(
            "Whether the inbox is looked at every few seconds: auto does so where the system tells of no changes, as "
            "on network shares.",
            choices=("auto", "on", "off"),
            group=INPUT,
        ),
    ] = "auto"
    once: Annotated[bool, Option("Do what is there, once it is whole, and end.", group=INPUT)] = False
    archive: Annotated[
        Path | None,
        Option(
            "Move a picture's source to FOLDER once its output is safe on the disk; nothing there is overwritten.",
            value="FOLDER",
            default="sources stay",
            group=SOURCES,
        ),
    ] = None
    delete: Annotated[bool, Option("Delete a picture's source once its output is safe on the disk.", group=SOURCES)] = (
        False
    )
    failed: Annotated[
        Path | None,
        Option(
            "Move a picture that has failed for good to FOLDER, with a .txt that says why.",
            value="FOLDER",
            default="it stays, and is tried again once it changes",
            group=SOURCES,
        ),
    ] = None
    retries: Annotated[
        int,
        Option(
            "How often a picture that has failed is tried again: after 10 s, a minute, six, then every half hour; "
            "with --once it is not.",
            value="N",
            least=0,
            group=SOURCES,
        ),
    ] = 3
    on_done: Annotated[
        str,
        Option(
            "Run a command for each translated picture, without a shell; the paths are in its environment.",
            value="COMMAND",
            default="none",
            group=SOURCES,
        ),
    ] = ""
    on_done_timeout: Annotated[
        float, Option("Seconds after which that command is ended.", value="SECONDS", least=0.1, group=SOURCES)
    ] = 60.0
    mirror_deletes: Annotated[
        bool,
        Option(
            "Delete the output, if it is still what imgtrans made, when somebody deletes the source.", group=SOURCES
        ),
    ] = False
    grace: Annotated[
        float,
        Option(
            "Seconds that pictures in hand have to be finished after SIGTERM or Ctrl-C.",
            value="SECONDS",
            least=0,
            group=SERVICE,
        ),
    ] = 30.0
    idle_unload: Annotated[
        float | None,
        Option(
            "Free the model's memory after so long without work; the next picture loads it again.",
            value="SECONDS",
            least=1,
            default="never",
            group=SPEED,
        ),
    ] = None
    metrics: Annotated[
        Path | None,
        Option(
            "Keep numbers for Prometheus in FILE, as node_exporter collects them.",
            value="FILE",
            default="none",
            group=SERVICE,
        ),
    ] = None

    def __post_init__(self) -> None:
        for name, (_, option) in described(Conduct).items():
            object.__setattr__(self, name, checked(name, getattr(self, name), option))
        if self.delete and self.archive:
            raise OptionError("delete", "and --archive both say what becomes of sources", "choose one of them")
        if self.mirror_deletes and (self.delete or self.archive):
            other = "--delete" if self.delete else "--archive"
            hint = f"with {other} sources go because they are done; leave one of them out"
            raise OptionError("mirror_deletes", f"would delete what {other} has made room for", hint)
        if self.on_done:
            parsed(self.on_done)

    def check_folders(self, inbox: Path, output: Path) -> None:
        """Make sure that what is moved is not found again, and gets in nobody's way.

        Args:
            inbox: The folder that is watched.
            output: Where its translations go.

        Raises:
            OptionError: If it would be.
        """
        inbox, output = _real(inbox), _real(output)
        for name in ("archive", "failed"):
            folder = getattr(self, name)
            if folder is None:
                continue
            real = _real(folder)
            if real.is_relative_to(inbox) or inbox.is_relative_to(real):
                hint = "name one beside the inbox"
                raise OptionError(name, f"is {folder}, and what is moved there would be found in {inbox} again", hint)
            if real.is_relative_to(output):
                raise OptionError(name, f"is {folder}, where outputs go", f"name one that is not in {output}")


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))
