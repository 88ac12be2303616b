"""What `run` and `score` share: the plan, the progress, the table."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape

from liveact_eval.cli.console import stderr, stdout, write_json, write_text
from liveact_eval.clips.clip import printable

if TYPE_CHECKING:
    from liveact_eval.efficiency.run_costs import RunCosts
    from liveact_eval.execution.config import RunConfig
    from liveact_eval.execution.plan import Plan
    from liveact_eval.execution.session import Finished
    from liveact_eval.results.schema import MetricRecord, ResultRow, Results


def start(config: RunConfig, *, plan_only: bool, quiet: bool, as_json: bool) -> None:
    """Do what `run` or `score` was asked to do, and leave with its exit code."""
    from liveact_eval.execution import session
    from liveact_eval.trackers.named import check_trackers, log_run

    check_trackers(config.log_to)
    if plan_only:
        _show_plan(session.plan_only(config), as_json=as_json)
        return
    from liveact_eval.cli.progress import RunProgress

    progress: list[RunProgress] = []

    def watch(plan: Plan) -> RunProgress:
        if not quiet:
            _announce(plan)
        progress.append(RunProgress(plan.pairs, quiet=quiet).__enter__())
        return progress[0]

    try:
        finished = session.execute(config, watch)
    except KeyboardInterrupt:
        stderr().print("\nInterrupted. Everything finished is kept; the same command continues.")
        raise typer.Exit(130) from None
    finally:
        for bar in progress:
            bar.__exit__(None, None, None)
    _show(finished, quiet=quiet, as_json=as_json)
    for line in log_run(finished.layout.root, config.log_to) if config.log_to else ():
        stderr().print(f"  {line}", soft_wrap=True, markup=False)
    if finished.exit_code:
        raise typer.Exit(int(finished.exit_code))


def _announce(plan: Plan) -> None:
    from liveact_eval.execution.shortfalls import shortfalls

    console = stderr()
    models = ", ".join(entrant.name for entrant in plan.entrants)
    console.print(
        f"{len(plan.entries)} clips of {escape(plan.dataset.title)} × {escape(models)}; {len(plan.metrics)} metrics, "
        f"{plan.workers} workers, into {escape(str(plan.out))}"
    )
    for warning in plan.warnings:
        console.print(f"[yellow]warning:[/] {escape(warning)}", soft_wrap=True)
    for shortfall in shortfalls(plan):
        # One line each: commands are copied from it.
        console.print(f"[yellow]{shortfall.heading}:[/] {escape(shortfall.text)}", soft_wrap=True)


def _show_plan(plan: Plan, *, as_json: bool) -> None:
    from liveact_eval.execution.shortfalls import shortfalls

    lacking = shortfalls(plan)
    content: dict[str, Any] = {
        "dataset": plan.dataset.name,
        "tier": plan.dataset.tier,
        "protocol": plan.protocol_id,
        "protocol_fields": plan.protocol.model_dump(mode="json"),
        "clips": [entry.id for entry in plan.entries],
        "speakers": len({entry.speaker for entry in plan.entries}),
        "models": [entrant.name for entrant in plan.entrants],
        "metrics": {metric.name: plan.recipe(metric) for metric in plan.metrics},
        "decodes": plan.pairs,
        "estimated_disk_mib": round(plan.estimated_bytes / 2**20, 1),
        "downloads": [],
        "weights_missing": sorted({name for shortfall in lacking for name in shortfall.networks}),
        "will_be_missing": [
            {
                "reason": shortfall.reason,
                "metrics": list(shortfall.metrics),
                "networks": list(shortfall.networks),
                "models": list(shortfall.models),
                "message": f"{shortfall.heading}: {shortfall.text}",
            }
            for shortfall in lacking
        ],
        "workers": plan.workers,
        "out": printable(str(plan.out)),
        "warnings": list(plan.warnings),
    }
    if as_json:
        write_json(content)
        return
    from rich.table import Table

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    clips = content["clips"]
    shown = ", ".join(clips[:3]) + (f", ... ({len(clips)} in all)" if len(clips) > 3 else "")
    for name, text in (
        ("dataset", f"{plan.dataset.title} ({plan.dataset.tier}), {content['speakers']} speakers"),
        ("protocol", plan.protocol_id),
        ("clips", shown),
        ("models", ", ".join(content["models"])),
        ("metrics", ", ".join(content["metrics"])),
        ("decodes", f"{plan.pairs}, one per clip and model, whatever the number of metrics"),
        ("disk", f"about {content['estimated_disk_mib']} MiB"),
        ("downloads", "none"),
        ("workers", str(plan.workers)),
        ("out", content["out"]),
        *(("warning", warning) for warning in plan.warnings),
        *((shortfall.heading, shortfall.text) for shortfall in lacking),
    ):
        table.add_row(f"[bold]{name}[/]", escape(text))
    stdout().print(table)


def _show(finished: Finished, *, quiet: bool, as_json: bool) -> None:
    if as_json:
        write_text(finished.results.model_dump_json(indent=2))
    else:
        _show_table(finished.results)
        _show_costs(finished.costs)
    console = stderr()
    if finished.stopped is not None:
        console.print(f"[bold red]stopped:[/] {escape(finished.stopped)}")
    if finished.results.failed:
        # Each was told when it happened.
        reasons = Counter(failure.reason for failure in finished.results.failed)
        counts = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())
        console.print(
            f"[yellow]failed:[/] {counts}; all with their messages in {escape(str(finished.layout.results))}"
        )
        for message in dict.fromkeys(f.message for f in finished.results.failed if f.reason == "bad_weights"):
            console.print(f"  {escape(message)}", soft_wrap=True)
    if not quiet and not as_json:
        layout = finished.layout
        for name, path in (
            ("table", layout.tables / "results.md"),
            ("LaTeX, CSV", layout.tables),
            ("plots", layout.plots),
            ("results", layout.results),
            ("videos", layout.root / "videos"),
        ):
            if path.exists():
                console.print(f"  {name:<12}{escape(str(path))}", soft_wrap=True)


def _show_costs(costs: RunCosts) -> None:
    """Speed and memory, where this command made videos with a model or a program."""
    from rich.table import Table

    from liveact_eval.efficiency.run_costs import any_made
    from liveact_eval.efficiency.run_page import remarks, rows

    if not any_made(costs.costs):
        return
    table = Table(header_style="bold")
    table.add_column("Efficiency", overflow="fold")
    for cost in costs.costs:
        table.add_column(escape(cost.title), justify="right", overflow="fold")
    for title, cells in rows(costs):
        table.add_row(escape(title), *cells)
    console = stdout()
    console.print(table)
    for line in remarks(costs):
        console.print(f"[dim]{escape(line)}[/]", soft_wrap=True)


def _show_table(results: Results) -> None:
    from rich.table import Table

    from liveact_eval.reporting.notes import notes
    from liveact_eval.reporting.numbers import conditions, half_width, heading, number
    from liveact_eval.reporting.tables import grid

    mini = " (mini)" if results.tier == "mini" else ""
    table = Table(header_style="bold")
    # On a narrow terminal a cell breaks before its ±: a number is never cut.
    table.add_column(escape(results.dataset_title + mini), overflow="fold")
    for model in results.models:
        table.add_column(escape(model.title), justify="right", overflow="fold")

    def cell(metric: MetricRecord, row: ResultRow, best: bool) -> str:
        width = half_width(row)
        text = number(row.value, metric.digits)
        text = f"[bold]{text}[/]" if best else text
        return text if width is None else f"{text} [dim]±{number(width, metric.digits)}[/]"

    for metric, cells in grid(results, cell):
        table.add_row(escape(heading(metric)), *cells)
    console = stdout()
    console.print(table)
    console.print(f"[dim]{escape(conditions(results))}[/]", soft_wrap=True)
    for line in notes(results):
        console.print(f"[dim]{escape(line)}[/]", soft_wrap=True)
