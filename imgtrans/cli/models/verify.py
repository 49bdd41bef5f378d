"""``imgtrans models verify``: whether the files are still what the cards say."""

from typing import Annotated

import typer

from imgtrans.cli import complete, options
from imgtrans.errors import ModelError
from imgtrans.zoo import store
from imgtrans.zoo.verify import GET_AGAIN, OK
from imgtrans.zoo.verify import verify as verdict_on


def verify(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME...", help="Models; without one, all.", show_default=False, autocompletion=complete.models
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Hash the weights of models anew and compare with their cards; one that has changed makes the exit code 3.

    Examples:
        imgtrans models verify
        imgtrans models verify horse2zebra
    """
    console = options.console(json_lines=json)
    verdicts = []
    for name in dict.fromkeys(names or store.names()):
        verdict = verdict_on(name)
        console.record(name=name, state=verdict.state, problem=verdict.problem, path=str(verdict.path))
        verdicts.append(verdict)
    console.table(["name", "state", "problem"], [[v.name, v.state, v.problem] for v in verdicts])
    if wrong := [verdict.name for verdict in verdicts if verdict.state != OK]:
        raise ModelError(
            f"{len(wrong)} of {len(verdicts)} models are not what their cards say: {', '.join(wrong)}",
            GET_AGAIN,
        )
