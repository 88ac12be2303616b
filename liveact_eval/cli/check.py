"""`liveact-eval check`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from liveact_eval.cli import options
from liveact_eval.cli.console import stderr, write_json, write_text
from liveact_eval.errors import ExitCode, UserError

if TYPE_CHECKING:
    from liveact_eval.comparing.runs import Run
    from liveact_eval.gate.judge import Report


def check(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="Run folder, or a results.json.", show_default=False)
    ],
    against: Annotated[
        Path, typer.Option("--against", help="Baseline file.", metavar="BASELINE.json", show_default=False)
    ],
    update: Annotated[
        bool,
        typer.Option(
            "--update", help="Print what would change in the baseline, then write it from this run."
        ),
    ] = False,
    performance: Annotated[
        bool,
        typer.Option(
            "--performance", help="With --update: keep generation times too, to be judged on this machine."
        ),
    ] = False,
    junit: Annotated[
        Path | None, typer.Option("--junit", help="Write a JUnit XML report.", metavar="FILE")
    ] = None,
    annotations: Annotated[
        bool | None,
        typer.Option(
            "--annotations/--no-annotations",
            help="GitHub annotations on stderr. Default: where GITHUB_ACTIONS is set.",
            show_default=False,
        ),
    ] = None,
    rules: Annotated[
        Path | None,
        typer.Option("--rules", help="YAML with minimum deltas of your own; see docs/ci.md.", metavar="FILE"),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Fail if a run is worse than a baseline.

    A regression needs a paired interval that leaves out zero and a difference of at least the metric's minimum delta.

    Exit codes: 0 nothing is worse; 1 a regression, or a value that the baseline has is missing; 2 wrong usage, or
    nothing could be judged.

    Examples:

        liveact-eval check runs/today --against reports/baselines/liveact-mini.json

        liveact-eval check runs/today --against reports/baselines/liveact-mini.json --junit report.xml

        liveact-eval check runs/today --against reports/baselines/liveact-mini.json --update
    """
    from liveact_eval.comparing.runs import open_run
    from liveact_eval.gate.rules import load_rules

    if performance and not update:
        raise UserError(
            "--performance says what a baseline keeps, and no baseline is written. Add --update; a check judges times "
            "wherever the baseline has them."
        )
    if update and (junit or annotations):
        raise UserError("--update writes a baseline and judges nothing: leave out --junit and --annotations.")
    opened = open_run(run)
    if update:
        _update(opened, against, performance=performance, as_json=as_json)
        return
    from liveact_eval.gate.annotations import annotations_of
    from liveact_eval.gate.baseline import read_baseline
    from liveact_eval.gate.judge import judge
    from liveact_eval.gate.junit import junit_xml

    report = judge(opened, read_baseline(against), load_rules(rules))
    if junit is not None:
        from liveact_eval.files import write_text as write_file

        write_file(junit, junit_xml(report))
    _show(report, as_json=as_json)
    if os.environ.get("GITHUB_ACTIONS") == "true" if annotations is None else annotations:
        for line in annotations_of(report):
            # As it is: a workflow command is one line without markup.
            stderr().out(line, highlight=False)
    if report.exit_code is ExitCode.USAGE:
        stderr().print("[bold red]error:[/] nothing could be judged, so nothing has passed.", soft_wrap=True)
    if report.exit_code:
        raise typer.Exit(int(report.exit_code))


def _show(report: Report, *, as_json: bool) -> None:
    from liveact_eval.gate.tables import markdown

    write_text(report.model_dump_json(indent=1) if as_json else markdown(report).rstrip("\n"))


def _update(run: Run, path: Path, *, performance: bool, as_json: bool) -> None:
    """Say what changes, then write."""
    from liveact_eval.gate.baseline import make_baseline, read_baseline, write_baseline
    from liveact_eval.gate.tables import changes

    made = make_baseline(run, path.stem, performance=performance)
    lines = changes(read_baseline(path) if path.exists() else None, made)
    if as_json:
        write_json({"changes": lines})
    else:
        write_text("\n".join(lines or ["Nothing changes."]))
    if lines:
        write_baseline(made, path)
        stderr().print(f"baseline written: {path}", soft_wrap=True, markup=False)
