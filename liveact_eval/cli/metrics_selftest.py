"""`liveact-eval metrics selftest`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from liveact_eval.cli import options
from liveact_eval.cli.console import stderr, stdout, write_text

if TYPE_CHECKING:
    from liveact_eval.cli.progress import RunProgress
    from liveact_eval.execution.plan import Plan
    from liveact_eval.selftest.run import Judged, Request
    from liveact_eval.selftest.schema import SelfTest


def selftest(
    on: Annotated[
        str | None,
        typer.Option(
            "--on", help="Name of a dataset, path of a card, or a folder of videos. Default: talkers."
        ),
    ] = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            "--metrics",
            "-m",
            help="Names separated by commas, or paths of Python files with a metric. Default: all whose weights are "
            "there.",
        ),
    ] = None,
    distortions: Annotated[
        list[str] | None,
        typer.Option("--distortions", help="Names separated by commas. Default: all.", show_default=False),
    ] = None,
    levels: Annotated[int, typer.Option("--levels", help="Strengths of each distortion, 4 to 9.")] = 5,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Use the first so many clips. Default: 4.")
    ] = None,
    workers: options.Workers = None,
    out: options.Out = None,
    assignments: options.Assignments = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Distort real clips ever more strongly, and see whether each metric follows: proof by known truth.

    Prints a matrix of metrics and distortions. Exit code 1: a metric with trained weights, or without any, moves
    against what must be.

    Examples:

        liveact-eval metrics selftest                                # all that needs no download, drawn clips

        liveact-eval metrics selftest --on path/to/videos --limit 4 --out runs/proof

        liveact-eval metrics selftest --metrics ssim,my_metric.py --distortions blur,noise

        liveact-eval metrics selftest --set networks.mode=seeded     # tries networks without their weights
    """
    from liveact_eval.selftest.run import build_request

    names = [name.strip() for text in distortions or [] for name in text.split(",") if name.strip()]
    flags = {"dataset": on, "metrics": metrics, "limit": limit, "workers": workers, "out": out}
    request = build_request(flags, assignments or [], names, levels)
    judged = _run(request, quiet=quiet)
    if as_json:
        write_text(judged.selftest.model_dump_json(indent=2))
    else:
        _show(judged.selftest)
    if not quiet:
        _told(judged)
    if judged.exit_code:
        raise typer.Exit(int(judged.exit_code))


def _run(request: Request, *, quiet: bool) -> Judged:
    from liveact_eval.cli.progress import RunProgress
    from liveact_eval.selftest.run import run_selftest

    progress: list[RunProgress] = []

    def watch(plan: Plan) -> RunProgress:
        if not quiet:
            names = ", ".join(ladder.name for ladder in request.ladders)
            stderr().print(
                f"{len(plan.entries)} clips of {escape(plan.dataset.title)} × {request.levels} levels of {names}; "
                f"{len(plan.metrics)} metrics, {plan.workers} workers, into {escape(str(plan.out))}",
                soft_wrap=True,
            )
        progress.append(RunProgress(plan.pairs, quiet=quiet).__enter__())
        return progress[0]

    try:
        return run_selftest(request, watch)
    except KeyboardInterrupt:
        stderr().print("\nInterrupted. Everything finished is kept; the same command continues.")
        raise typer.Exit(130) from None
    finally:
        for bar in progress:
            bar.__exit__(None, None, None)


def _show(selftest: SelfTest) -> None:
    from rich.table import Table

    from liveact_eval.selftest.tables import (
        LEGEND,
        cell_text,
        conditions,
        not_run,
        nowhere,
        rows,
        summary,
        title,
    )

    table = Table(header_style="bold", padding=(0, 1, 0, 0), box=None)
    table.add_column("")
    for distortion in selftest.distortions:
        table.add_column(escape(distortion.title))
    for output, cells in rows(selftest):
        shown = (
            f"[bold red]{cell_text(c)}[/]" if c.met is False and not output.seeded else cell_text(c)
            for c in cells
        )
        table.add_row(escape(title(output)), *shown)
    console = stdout()
    console.print(table)
    lacking = [f"Without a curve, {line}" for line in nowhere(selftest)]
    for line in (*LEGEND, conditions(selftest), *lacking, *not_run(selftest)):
        console.print(f"[dim]{escape(line)}[/]", soft_wrap=True)
    for sentence in selftest.broken:
        console.print(f"[red]not met:[/] {escape(sentence)}", soft_wrap=True)
    console.print(escape(summary(selftest)), soft_wrap=True)


def _told(judged: Judged) -> None:
    console = stderr()
    for name in ("selftest.json", "selftest.md", "selftest.png", "selftest-curves.png"):
        if (judged.root / name).exists():
            console.print(f"  {escape(str(judged.root / name))}", soft_wrap=True)
