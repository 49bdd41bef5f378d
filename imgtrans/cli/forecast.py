"""What ``run --dry-run`` shows: what would be done, and what it would take."""

from imgtrans.batch.plan import Tally
from imgtrans.batch.reader import JournalReader
from imgtrans.batch.request import Prepared
from imgtrans.cli.listener import describe_plan
from imgtrans.console import Console


def show_forecast(prepared: Prepared, console: Console) -> int:
    """Print what a run would do, and change nothing; return how many pictures it would refuse.

    Raises:
        FilesError: If two inputs would make one output.
    """
    tally = Tally()
    with JournalReader(prepared.destination.folder) as records:
        for decision in prepared.decisions(records, tally):
            item, problem = decision.item, decision.problem
            if decision.state == "todo":
                console.result(f"{item.input} -> {item.output}")
                console.record(event="image", input=str(item.input), output=str(item.output), status="todo")
            elif problem:
                console.warn(problem)
                console.record(
                    event="image", input=str(item.input), output=str(item.output), status="failed", error=problem
                )
    console.say(f"would be {describe_plan(tally, prepared)}" if tally.todo else describe_plan(tally, prepared))
    return tally.refused
