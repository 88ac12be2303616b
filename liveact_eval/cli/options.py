"""Options that several commands share, written once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Metrics = Annotated[
    list[str] | None,
    typer.Option(
        "--metrics",
        "-m",
        help="Names separated by commas, or paths of Python files with a metric; "
        "[bold]all-offline[/] (the default) means all that need no download.",
    ),
]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Use the first so many clips only.")]
Out = Annotated[
    Path | None, typer.Option("--out", "-o", help="Run folder. The same folder continues an interrupted run.")
]
MaxFailures = Annotated[
    str | None,
    typer.Option(
        "--max-failures",
        help="Stop when more (clip, model) pairs fail: a count (3) or a share (0.1). Default: never.",
    ),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="YAML file with the same fields; options given here win."),
]
Assignments = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="Any field by its path, as in [bold]--set statistics.resamples=5000[/]; repeatable."
    ),
]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, help="Processes. Default: one per core, at most 8.")
]
UseReserve = Annotated[
    bool,
    typer.Option(
        "--use-reserve",
        help="Let the reserve of a published split stand in for clips that are not here: another split, named +rN.",
    ),
]
LogTo = Annotated[
    list[str] | None,
    typer.Option(
        "--log-to",
        help="Log the finished run to tensorboard, wandb or mlflow; repeatable.",
        metavar="TRACKER",
    ),
]
PlanOnly = Annotated[bool, typer.Option("--plan", help="Check everything, say what would be done, and stop.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors and the table only.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def number(text: str | None, option: str) -> int | float | None:
    """A count or a share as given: `3`, `0.1`."""
    if text is None:
        return None
    try:
        return int(text) if text.strip().lstrip("-").isdigit() else float(text)
    except ValueError as error:
        raise typer.BadParameter(
            f"expected a count (3) or a share (0.1), got {text!r}", param_hint=option
        ) from error
