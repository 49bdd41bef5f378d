"""A plugin's executor: each item has one outcome, whatever happens."""

from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace
from typing import Any

from imgtrans.errors import ImgtransError, PluginError
from imgtrans.isolation.blame import Part, blamed
from imgtrans.protocols import Executor, Interrupted, Interruptible, Item, Outcome


class GuardedExecutor:
    """An executor that a plugin brings; see :class:`imgtrans.protocols.Executor`.

    Args:
        executor: The plugin's.
        part: What brings it.
    """

    def __init__(self, executor: Executor, part: Part) -> None:
        self._executor, self._part = executor, part
        if isinstance(executor, Interruptible):
            self.interrupt = executor.interrupt  # whoever asks whether it can be interrupted sees that it can

    def __getattr__(self, name: str) -> Any:
        """Return what else the plugin's executor has."""
        return getattr(self._executor, name)

    def describe(self) -> str:
        """Return where and how it computes, in words."""
        with blamed(self._part):
            return str(self._executor.describe())

    def run(self, items: Iterable[Item]) -> Generator[list[Outcome]]:
        """Translate items; see :func:`outcomes`."""
        return outcomes(self._executor, items, self._part)

    def close(self) -> None:
        """End it."""
        with blamed(self._part):
            self._executor.close()


def guarded_executor(executor: Executor, part: Part | None) -> Executor:
    """Return an executor that is guarded if it is a plugin's."""
    return executor if part is None else GuardedExecutor(executor, part)


def outcomes(executor: Executor, items: Iterable[Item], part: Part) -> Generator[list[Outcome]]:
    """Have a plugin's executor translate items, and look at what it yields.

    Raises:
        PluginError: If it fails, or there is not exactly one outcome for each item; what was yielded before holds.
    """
    given: dict[bytes, Item] = {}  # those without an outcome yet, of which there are few at a time

    def handed_out() -> Iterator[Item]:
        for item in items:
            given[item.key] = item
            yield item

    with blamed(part):
        groups = executor.run(handed_out())
    try:
        for group in groups:
            yield [_checked(outcome, given, part) for outcome in group]
    except (ImgtransError, MemoryError, GeneratorExit, KeyboardInterrupt, Interrupted):
        raise
    except (Exception, SystemExit) as error:
        raise part.failed(error) from error
    finally:
        getattr(groups, "close", lambda: None)()  # what it gave may be anything
    if given:
        one = next(iter(given.values()))
        raise part.fault(f"says nothing of what became of {len(given)} pictures, {one.input} among them")


def _checked(outcome: object, given: dict[bytes, Item], part: Part) -> Outcome:
    """Return an outcome, if it is one and the first of something that was given.

    Raises:
        PluginError: If it is not.
    """
    if not isinstance(outcome, Outcome):
        raise part.fault(f"yields {type(outcome).__name__} and no outcomes")
    if given.pop(outcome.item.key, None) != outcome.item:
        raise _twice(outcome, part)
    if outcome.temporary is not None and not outcome.temporary.is_file():
        return replace(outcome, temporary=None, error=f"{part} made no file of {outcome.item.input}.")
    if outcome.temporary is None and not outcome.error:
        return replace(outcome, error=f"{part} does not say why {outcome.item.input} has failed.")
    return outcome


def _twice(outcome: Outcome, part: Part) -> PluginError:
    if outcome.temporary is not None:
        outcome.temporary.unlink(missing_ok=True)
    return part.fault(f"tells twice what became of {outcome.item.input}, or was never asked for it")
