"""`liveact-eval import vbench|theval|videos`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from liveact_eval.cli import options
from liveact_eval.cli.console import stderr, write_text

if TYPE_CHECKING:
    from liveact_eval.importing.given import Given

Files = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help="Files of the tool.", show_default=False)
]
Out = Annotated[Path, typer.Option("--out", "-o", help="Run folder to write.", show_default=False)]
Name = Annotated[
    str | None, typer.Option("--name", help="Name of the model, where one is given.", show_default=False)
]

imports = typer.Typer(
    no_args_is_help=True,
    help="Turn results or videos that others made into a run. "
    "Example: liveact-eval import vbench theirs_eval_results.json --out runs/theirs",
)


@imports.command("vbench")
def import_vbench(files: Files, out: Out, name: Name = None, as_json: options.Json = False) -> None:
    """VBench's result files, each a model: `<name>_eval_results.json`.

    Where a file has values per video they bring n and an interval; otherwise its total stands alone.

    Examples:

        liveact-eval import vbench theirs_eval_results.json --out runs/theirs

        liveact-eval import vbench a_eval_results.json b_eval_results.json --out runs/both
    """
    from liveact_eval.importing.vbench import read_vbench

    _write(read_vbench(files, name), out, as_json)


@imports.command("theval")
def import_theval(files: Files, out: Out, name: Name = None, as_json: options.Json = False) -> None:
    """THEval's files: those of its metrics (together one model), or its collected tables (one row per model).

    Examples:

        liveact-eval import theval theirs/*.csv --name theirs --out runs/theirs

        liveact-eval import theval raw_metrics.csv --out runs/theval
    """
    from liveact_eval.importing.theval import read_theval

    _write(read_theval(files, name), out, as_json)


@imports.command("videos")
def import_videos(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="FOLDER...", help="Folders of videos, each a model.", show_default=False),
    ],
    reference: Annotated[
        str,
        typer.Option(
            "--reference",
            "-r",
            help="Real clips of the same names: a folder or the name of a dataset.",
            show_default=False,
        ),
    ],
    metrics: options.Metrics = None,
    limit: options.Limit = None,
    out: options.Out = None,
    workers: options.Workers = None,
    config: options.Config = None,
    assignments: options.Assignments = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Folders of videos that several systems made of the same clips, measured as the rows of one run.

    One folder alone: liveact-eval score FOLDER.

    Examples:

        liveact-eval import videos ours theirs --reference path/to/real --out runs/both

        liveact-eval import videos ours theirs --reference talkers --metrics sync,csim
    """
    from contextlib import ExitStack

    from liveact_eval.cli.progress import RunProgress
    from liveact_eval.execution.config import build_config
    from liveact_eval.execution.session import execute
    from liveact_eval.importing.videos import planner_of
    from liveact_eval.reporting.tables import markdown

    flags = {
        "score": {"videos": folders[0], "reference": reference},
        "metrics": metrics,
        "limit": limit,
        "out": out,
        "workers": workers,
    }
    resolved = build_config(config, assignments or [], flags)
    with ExitStack() as stack:
        finished = execute(
            resolved,
            lambda plan: stack.enter_context(RunProgress(plan.pairs, quiet=quiet)),
            planner=planner_of(folders),
        )
    results = finished.results
    write_text(results.model_dump_json(indent=2) if as_json else markdown(results).rstrip())
    stderr().print(f"  results     {finished.layout.results}", markup=False, soft_wrap=True)
    if finished.exit_code:
        raise typer.Exit(int(finished.exit_code))


def _write(given: Given, out: Path, as_json: bool) -> None:
    from dataclasses import replace

    from liveact_eval.importing.given import write_run
    from liveact_eval.measure.intervals import StatisticsConfig
    from liveact_eval.reporting.tables import markdown

    results = write_run(replace(given, name=out.resolve().name), out, StatisticsConfig())
    write_text(results.model_dump_json(indent=2) if as_json else markdown(results).rstrip())
    stderr().print(f"  results     {out / 'results.json'}", markup=False, soft_wrap=True)
