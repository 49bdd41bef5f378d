"""``imgtrans watch`` at work: signals, messages, and what ends it."""

import os
import signal
import stat
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import typer

from imgtrans import signals
from imgtrans.cli.firstuse import pull_on_first_use
from imgtrans.cli.inboxes import again
from imgtrans.cli.loglines import LogLines, daemons_console
from imgtrans.cli.options import catalogues
from imgtrans.console import Console
from imgtrans.errors import ImgtransError
from imgtrans.watching.inbox import Inbox
from imgtrans.watching.seeing.writers import ready_to_ask
from imgtrans.watching.service.notify import Notifier
from imgtrans.watching.service.place import written

SOME_FAILED = 1


@dataclass
class _Asked:
    """What signals have asked for."""

    stop: bool = False
    reload: bool = False
    terminal: bool = field(default_factory=lambda: os.isatty(2))
    woken: threading.Event = field(default_factory=threading.Event)

    def listen(self) -> None:
        """Begin to hear signals."""
        for number in signals.STOPPING:
            signal.signal(number, self._hear_stop)
        if hasattr(signal, "SIGHUP"):
            signal.signal(signal.SIGHUP, self._hear_reload)

    def _hear_stop(self, number: int, frame: object) -> None:
        if self.stop:
            signals.leave(0, "stopped at once; what was in hand is done at the next start")
        self.stop = True
        self.woken.set()

    def _hear_reload(self, number: int, frame: object) -> None:
        if self.terminal and not os.isatty(2):  # somebody has closed the window: that is no wish to reload
            self.stop = True
            for descriptor in (0, 1, 2):
                if stat.S_ISCHR(os.fstat(descriptor).st_mode) and not os.isatty(descriptor):
                    os.dup2(os.open(os.devnull, os.O_RDWR), descriptor)
        else:
            self.reload = True
        self.woken.set()


def run_watching(
    ctx: typer.Context, inboxes: list[Inbox], *, yes: bool, quiet: bool, verbose: bool, json: bool
) -> None:
    """Watch inboxes until a signal comes, or with ``--once`` until all is done.

    Raises:
        ImgtransError: If they cannot be watched.
        Exit: With ``SOME_FAILED``, if they were watched once and some pictures have failed.
    """
    asked = _Asked()
    asked.listen()  # before the imports: they take a while, and who stops then means it
    ready_to_ask()
    console = daemons_console(-1 if quiet else int(verbose), json)
    try:
        failed = _watch(ctx, inboxes, asked, console, yes=yes)
    finally:
        _close(console)
    code = SOME_FAILED if failed and all(inbox.conduct.once for inbox in inboxes) else 0
    if asked.stop:
        signals.leave(code, "")  # nothing is left to put in order, and PyTorch's own end takes most of a second
    if code:
        raise typer.Exit(code)


def _watch(ctx: typer.Context, inboxes: list[Inbox], asked: _Asked, console: Console, *, yes: bool) -> int:
    """Watch; return how many pictures have failed."""
    from imgtrans.watching.service.supervisor import BEAT_SECONDS, Supervisor
    from imgtrans.watching.watchers import watchers_of

    def pulled(wanted: Sequence[Inbox]) -> Sequence[Inbox]:
        for model in dict.fromkeys(inbox.request.model for inbox in wanted):
            pull_on_first_use(console, model, catalogues(ctx), yes=yes)
        return wanted

    found = pulled(inboxes)
    console.beginning(f"getting ready to watch {', '.join(str(inbox.folder) for inbox in found)}")
    supervisor = Supervisor(watchers_of(found, console), written(), Notifier.of(os.environ))
    grace = max(inbox.conduct.grace for inbox in inboxes)
    try:
        supervisor.start()
        while supervisor.beat() and not asked.stop:
            if asked.reload:
                asked.reload = False
                try:
                    supervisor.replace(watchers_of(pulled(again(ctx)), console))
                    console.say("the configuration is read again")
                except ImgtransError as error:
                    console.error(f"not reloaded: {error.message}", error.hint)
            asked.woken.wait(BEAT_SECONDS)
            asked.woken.clear()
        if asked.stop:
            console.say("stopping")
        ended = supervisor.stop(grace)
    finally:
        supervisor.close()
    if supervisor.in_hand:
        console.warn(f"{supervisor.in_hand} pictures took longer than {grace:g} s, and are done at the next start")
    console.say(supervisor.summary())
    if not ended:
        _close(console)
        signals.leave(0, "")
    return supervisor.failed


def _close(console: Console) -> None:
    """Have all messages written, if they are written by somebody else."""
    if isinstance(console, LogLines):
        console.close()
