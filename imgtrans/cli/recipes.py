"""Presets and recipes beneath the options of ``imgtrans train``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from imgtrans.cli.command import PLACES
from imgtrans.cli.training import duration
from imgtrans.errors import UsageError

if TYPE_CHECKING:
    from imgtrans.console import Console
    from imgtrans.training.recipe import Recipe

# What tells where things are and how to go about it, and is no setting of a run.
_NO_SETTINGS = frozenset(
    {
        "dataset",
        "data",
        "a",
        "b",
        "test_a",
        "test_b",
        "check",
        "name",
        "runs",
        "nproc",
        "resume",
        "json",
        "quiet",
        "verbose",
    }
    | {"recipe", "preset", "presets", "install", "install_anyway", "tensorboard"}
)


def read(recipe: Path | None) -> "Recipe":
    """Return what a recipe says, or one that says nothing."""
    from imgtrans.training.recipe import Recipe, read_recipe

    return read_recipe(recipe) if recipe else Recipe({}, {})


def settings_of(ctx: typer.Context, preset: str | None, recipe: "Recipe") -> dict[str, Any]:
    """Return the settings that were given.

    What stands on the command line or in the environment wins over the recipe, that over the preset, that over the
    configuration.

    Raises:
        UsageError: If there is no such preset, or options contradict each other.
    """
    from imgtrans.training.presets import combined
    from imgtrans.training.presets import preset as preset_of

    asked: dict[str, Any] = {}
    configured: dict[str, Any] = {}
    for key, value in ctx.params.items():
        if value is None or key in _NO_SETTINGS:
            continue
        source = ctx.get_parameter_source(key)
        (configured if source and source.name == "DEFAULT_MAP" else asked)[key] = value
    for layer in (asked, configured):
        if layer.get("steps") and layer.keys() & {"epochs", "decay_epochs"}:
            raise UsageError("--steps replaces --epochs and --decay-epochs", "give either")
    beneath = preset_of(preset).settings if preset else {}
    ctx.meta[PLACES] = {key: f"--preset {preset}: {key.replace('_', '-')!r}" for key in beneath if key not in asked}
    file = ctx.params.get("recipe")
    ctx.meta[PLACES] |= {key: f"{file}: {key.replace('_', '-')!r}" for key in recipe.settings if key not in asked}
    return combined(configured, beneath, recipe.settings, asked)


def show_presets(console: "Console") -> None:
    """Say what each preset gives, and what it costs on this machine."""
    from imgtrans.training.forecast import forecast_of
    from imgtrans.training.options import TrainOptions
    from imgtrans.training.presets import PRESETS

    usual = TrainOptions()
    for name, one in PRESETS.items():
        options = TrainOptions(**one.settings)
        cost = forecast_of(options)
        changed = " ".join(f"--{key.replace('_', '-')} {value:g}" for key, value in one.settings.items())
        steps = f"{options.steps:,} steps" if options.steps else f"{usual.epochs + usual.decay_epochs} epochs"
        console.result(f"{name:6} {one.gives}")
        console.result(f"       {changed or 'the defaults'}; {steps}")
        whole = f", about {duration(options.steps * cost.seconds)} in all" if options.steps else ""
        console.result(
            f"       {cost.seconds:.2g} s a step on this CPU{whole}; about {cost.memory / 1e9:.1f} GB of memory; "
            f"a model of {cost.weights / 1e6:.0f} MB, a checkpoint of {cost.checkpoint / 1e6:.0f} MB"
        )
        console.record(
            event="preset", name=name, gives=one.gives, settings=one.settings, seconds_per_step=round(cost.seconds, 3),
            memory=cost.memory, weights=cost.weights, checkpoint=cost.checkpoint,
        )  # fmt: skip
