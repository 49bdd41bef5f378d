"""What ``run --dry-run`` shows: what would be done, and what it would take."""

from typing import TYPE_CHECKING

from imgtrans.batch.plan import Tally
from imgtrans.batch.request import Prepared
from imgtrans.cli.listener import describe_plan, duration
from imgtrans.console import Console
from imgtrans.journal.reading import JournalReader

if TYPE_CHECKING:
    from imgtrans.batch.engine import Engine
    from imgtrans.batch.forecast import Forecast, Size

SHOWN_SIZES = 5


def show_forecast(prepared: Prepared, console: Console) -> int:
    """Print what a run would do and what it would take, and change nothing; return how many pictures it would refuse.

    Raises:
        FilesError: If two inputs would make one output.
        ModelError: If the model cannot be loaded.
        UnavailableError: If the device is not there.
    """
    tally = Tally()
    forecast: Forecast | None = None
    with JournalReader(prepared.destination.folder) as records:
        for decision in prepared.decisions(records, tally):
            item, problem = decision.item, decision.problem
            paths = {"input": str(item.input), "output": str(item.output)}
            if decision.state == "todo":
                if forecast is None:
                    forecast = _new_forecast()
                size = forecast.add(item)
                console.result(f"{item.input} -> {item.output}")
                pixels = {"width": size[0], "height": size[1]} if size else {}
                console.record(event="image", **paths, status="todo", **pixels)
            elif problem:
                console.warn(problem)
                console.record(event="image", **paths, status="failed", error=problem)
    if forecast is None:
        console.say(describe_plan(tally, prepared))
    else:
        with prepared.open_engine() as engine:
            console.say(f"would be {describe_plan(tally, prepared, engine.describe())}")
            _show_costs(forecast, engine, console)
    return tally.refused


def _new_forecast() -> "Forecast":
    from imgtrans.batch.forecast import Forecast  # it needs torch, and a run with nothing to do does not

    return Forecast()


def _show_costs(forecast: "Forecast", engine: "Engine", console: Console) -> None:
    sizes = [*forecast.sizes(engine)]
    costs = forecast.costs(engine, sizes)
    for size in sizes[:SHOWN_SIZES]:
        console.say(f"  {_describe(size)}")
    if len(sizes) > SHOWN_SIZES:
        console.say(f"  {sum(size.count for size in sizes[SHOWN_SIZES:])} of {len(sizes) - SHOWN_SIZES} other sizes")
    if forecast.unreadable:
        console.say(f"  {forecast.unreadable} that cannot be read and will fail")
    memory = (
        f"{costs.network_memory / 1e9:.1f} GB for the network, up to {costs.pictures_memory / 1e9:.1f} GB for pictures"
    )
    console.say(f"memory: {memory}")
    console.say(
        f"time: about {duration(costs.seconds)} (model {duration(costs.model_seconds)}, reading and writing "
        f"{duration(costs.codec_seconds)} in {engine.workers} processes)"
    )
    console.record(
        event="forecast",
        **vars(costs),
        unreadable=forecast.unreadable,
        sizes=[vars(size) for size in sizes],
    )


def _describe(size: "Size") -> str:
    across, down = size.seen
    if size.too_large:
        return f"{size.count} of {size.width}x{size.height}, seen at {across}x{down}: too large, and will fail"
    together = f"{size.batch} at a time" if size.batch > 1 else "one at a time" if size.batch else "streamed"
    return f"{size.count} of {size.width}x{size.height}, seen at {across}x{down}, {together}"
