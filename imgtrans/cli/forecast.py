"""What ``run --dry-run`` shows: what would be done, and what it would take."""

import time
from typing import TYPE_CHECKING

from imgtrans.batch.plan import Tally
from imgtrans.batch.request import Prepared
from imgtrans.batch.site import Site, site_of
from imgtrans.cli.listener import describe_outputs, describe_plan
from imgtrans.console import Console
from imgtrans.memory import in_words

if TYPE_CHECKING:
    from imgtrans.batch.engine import Engine
    from imgtrans.batch.forecast import Costs, Forecast, Size

SHOWN_SIZES = 5
_BEFORE_SECONDS = 0.5  # until the command line is understood


def show_forecast(prepared: Prepared, console: Console) -> int:
    """Print what a run would do and what it would take, and change nothing; return how many pictures it would refuse.

    Raises:
        FilesError: If two inputs would make one output.
        ModelError: If the model cannot be loaded.
        UnavailableError: If the device is not there.
    """
    with site_of(prepared) as site:
        return _show(prepared, site, console)


def _show(prepared: Prepared, site: Site, console: Console) -> int:
    tally = Tally()
    forecast: Forecast | None = None
    start_seconds = _BEFORE_SECONDS
    with site.records() as records:
        prepared.check_model(records)
        for decision in prepared.decisions(records, tally, site.policy):
            item, problem = decision.item, decision.problem
            paths = {"input": str(item.input), "output": str(item.output)}
            if decision.state == "todo":
                if forecast is None:
                    began = time.perf_counter()
                    forecast = _new_forecast(prepared)
                    start_seconds += time.perf_counter() - began
                sample = site.sample(item)
                size = forecast.add(sample) if sample else None
                forecast.unseen += sample is None
                console.result(f"{item.input} -> {item.output}")
                pixels = {"width": size[0], "height": size[1]} if size else {}
                console.record(event="image", **paths, status="todo", **pixels)
            elif decision.state == "ignored":
                console.detail(f"{item.input}: {problem}")
            elif problem:
                console.warn(problem)
                console.record(event="image", **paths, status="failed", error=problem)
    if tally.aside.collisions:
        raise tally.aside.collisions[0]
    for sentence in describe_outputs(tally, prepared):
        console.say(sentence)
    if forecast is None:
        console.say(describe_plan(tally, prepared))
    else:
        began = time.perf_counter()
        with prepared.opening().open() as engine:
            start_seconds += time.perf_counter() - began
            console.say(f"would be {describe_plan(tally, prepared, engine.describe())}")
            _show_costs(forecast, engine, start_seconds, console)
    return tally.refused


def _new_forecast(prepared: Prepared) -> "Forecast":
    from imgtrans.batch.forecast import Forecast  # it needs torch, and a run with nothing to do does not

    return Forecast(prepared.wanted)


def _show_costs(forecast: "Forecast", engine: "Engine", start_seconds: float, console: Console) -> None:
    sizes = [*forecast.sizes(engine)]
    costs = forecast.costs(engine, sizes, start_seconds)
    for size in sizes[:SHOWN_SIZES]:
        console.say(f"  {_describe(size)}")
    if len(sizes) > SHOWN_SIZES:
        console.say(f"  {sum(size.count for size in sizes[SHOWN_SIZES:])} of {len(sizes) - SHOWN_SIZES} other sizes")
    if forecast.unseen:
        console.say(f"  {forecast.unseen} more that were not fetched, and are taken to be like these")
    if forecast.unreadable:
        console.say(f"  {forecast.unreadable} that cannot be read and will fail")
    console.say(f"memory: about {in_words(costs.memory)}" + _on_device(engine, costs))
    console.say(f"time: about {_span(costs.seconds)}, {_span(costs.start_seconds)} of it to start")
    console.record(
        event="forecast",
        **vars(costs),
        unreadable=forecast.unreadable,
        sizes=[vars(size) for size in sizes],
    )


def _on_device(engine: "Engine", costs: "Costs") -> str:
    return f", and {in_words(costs.network_memory)} of the GPU's" if engine.on_device else ""


def _span(seconds: float) -> str:
    """Return a time as people say it: ``4 seconds``, ``12 minutes``, ``3 h 10 min``."""
    if seconds < 100:
        whole = max(1, round(seconds))
        return f"{whole} second{'s' if whole > 1 else ''}"
    minutes = round(seconds / 60)
    return f"{minutes} minutes" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def _describe(size: "Size") -> str:
    many = f"{size.count} of {size.width}x{size.height} pixels"
    across, down = size.seen
    worked = f", translated at {across}x{down}" if size.seen != (size.width, size.height) else ""
    if size.too_large:
        return f"{many}{worked}: too large, and will fail"
    together = f", {size.batch} at a time" if size.batch > 1 else "" if size.batch else ", strip by strip"
    return f"{many}{worked}{together}"
