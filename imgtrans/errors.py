"""The errors that a user can meet, each with its exit code and a hint on what to do next."""


class ImgtransError(Exception):
    """Something a user can understand and mend: what happened, with which file, and what to do.

    Args:
        message: One sentence saying what happened, naming the file or value it happened with.
        hint: What to do about it; printed on a line of its own. Empty when there is nothing to add.
    """

    exit_code = 70
    place = ""  # where the value came from that it is about, once somebody has said so

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(ImgtransError):
    """The command line or the configuration cannot be understood."""

    exit_code = 2


class OptionError(UsageError):
    """An option has a value that cannot be used, wherever that value came from.

    Args:
        option: The option's name in code, as ``batch_size``.
        problem: What is wrong with it, as it is said after the option's name: ``is 'x'``.
        hint: What to do about it.
    """

    def __init__(self, option: str, problem: str, hint: str = "") -> None:
        super().__init__(f"--{option.replace('_', '-')} {problem}", hint)
        self.option = option
        self.problem = problem

    def at(self, place: str) -> "OptionError":
        """Return the same, said of the place that the value came from: ``IMGTRANS_RUN_SIZE``, or a file and its key."""
        error = OptionError(self.option, self.problem, self.hint)
        error.message, error.place = f"{place} {self.problem}", place
        error.args = (error.message,)
        return error


class ModelError(ImgtransError):
    """A model is unknown, unreadable, unsafe or not recognised."""

    exit_code = 3


class FilesError(ImgtransError):
    """Files or folders are missing, in use, in each other's way, or the disk is full."""

    exit_code = 4


class UnavailableError(ImgtransError):
    """A device, backend or plugin that was asked for is not there or does not work."""

    exit_code = 5


class PluginError(UnavailableError):
    """A plugin does what it must not; the message names it and its package."""


class PluginHungError(PluginError):
    """A plugin does not answer at all, so that whatever waits for it ends."""


class ImageError(ImgtransError):
    """One picture cannot be translated; the others can.

    ``batch`` turns it into a failed outcome in the report; it ends a command only where a single
    picture is all there is.
    """

    exit_code = 1
