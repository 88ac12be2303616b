"""All commands. Each lives in a module of its own; nothing heavy is imported before a command runs."""

from __future__ import annotations

from typing import Annotated

import typer

from liveact_eval.cli.ablate import ablate
from liveact_eval.cli.bench import bench
from liveact_eval.cli.check import check
from liveact_eval.cli.compare import compare
from liveact_eval.cli.doctor import doctor
from liveact_eval.cli.env import env
from liveact_eval.cli.generate import generate
from liveact_eval.cli.imports import imports
from liveact_eval.cli.listing import datasets, metrics, models
from liveact_eval.cli.parity import parity
from liveact_eval.cli.report import report
from liveact_eval.cli.reproduce import reproduce
from liveact_eval.cli.rollouts import rollouts
from liveact_eval.cli.run import run
from liveact_eval.cli.runs import runs
from liveact_eval.cli.score import score
from liveact_eval.cli.train import train

app = typer.Typer(
    name="liveact-eval",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "LIVEACT_EVAL"},
)


def _version(wanted: bool) -> None:
    if wanted:
        import liveact_eval

        typer.echo(f"liveact-eval {liveact_eval.__version__}")
        raise typer.Exit


@app.callback(
    epilog="Exit codes: 0 done, 1 gate failed, 2 wrong usage or missing prerequisite, 3 finished but some clips "
    "failed, 4 environment broken."
)
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Benchmark and evaluation harness for real-time, audio-driven human animation.

    Start with: [bold]liveact-eval run[/], which needs no download.
    """


app.command()(run)
app.command()(score)
app.command()(compare)
app.command()(check)
app.command()(report)
app.command()(reproduce)
app.add_typer(runs, name="runs")
app.command()(generate)
app.command()(bench)
app.add_typer(models, name="models")
app.add_typer(datasets, name="datasets")
app.add_typer(metrics, name="metrics")
app.add_typer(rollouts, name="rollouts")
app.add_typer(imports, name="import")
app.add_typer(env, name="env")
app.command()(train)
app.command()(ablate)
app.command()(parity)
app.command()(doctor)
