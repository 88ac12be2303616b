"""`liveact-eval score --backend vbench-official|both`: VBench as published, and what differs from the metrics here."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from liveact_eval.cli.console import stderr, stdout, write_json, write_text
from liveact_eval.cli.tables import show_content

if TYPE_CHECKING:
    from collections.abc import Mapping

    from liveact_eval.environments.differences import Difference
    from liveact_eval.environments.vbench_official import Tool
    from liveact_eval.execution.config import RunConfig
    from liveact_eval.execution.plan import Plan
    from liveact_eval.results.schema import Results

FOLDER = "vbench-official"


class Backend(str, Enum):
    """Who measures."""

    NATIVE = "native"
    OFFICIAL = "vbench-official"
    BOTH = "both"


def start_official(config: RunConfig, *, both: bool, plan_only: bool, quiet: bool, as_json: bool) -> None:
    """Measure by VBench in its own environment, and where asked by the metrics here too; leave with the exit code."""
    from liveact_eval.environments.vbench_official import chosen_dimensions, open_tools
    from liveact_eval.execution import session

    dimensions = chosen_dimensions(config.metrics)
    config = config.model_copy(update={"metrics": dimensions})
    plan = session.plan_only(config)
    seeded, device = config.networks.mode == "seeded", config.networks.device
    opened = open_tools(dimensions, seeded=seeded, device=device, write=not plan_only)
    tools = {name: opened[name] for name in dimensions}
    lacking = {
        name: found.detail for name, tool in tools.items() if (found := tool.lacking(name)) is not None
    }
    if plan_only:
        content = {
            "backend": "both" if both else FOLDER,
            "clips": [entry.id for entry in plan.entries],
            "metrics": {name: tool.recipe(name) for name, tool in tools.items()},
            "weights_missing": {} if seeded else lacking,
            "out": str(_folder(plan, both)),
        }
        show_content(content, as_json)
        return
    if not quiet:
        for name, why in lacking.items():
            stderr().print(f"no weights for {name}: {why}", markup=False, soft_wrap=True)
    try:
        native = _native(config, quiet=quiet) if both else None
        results, failed = _official(plan, tools, _folder(plan, both), quiet=quiet)
    except KeyboardInterrupt:
        stderr().print("\nInterrupted. Everything finished is kept; the same command continues.")
        raise typer.Exit(130) from None
    if native is None:
        _show(results, as_json)
    else:
        from liveact_eval.environments.differences import differences, write_differences

        gaps = differences(native, results)
        write_differences(gaps, plan.out)
        _show_differences(gaps, as_json)
        failed = failed or bool(native.failed)
    if failed:
        from liveact_eval.errors import ExitCode

        raise typer.Exit(int(ExitCode.PARTIAL))


def _folder(plan: Plan, both: bool) -> Path:
    return plan.out / FOLDER if both else plan.out


def _native(config: RunConfig, *, quiet: bool) -> Results:
    """A run by the metrics here."""
    from contextlib import ExitStack

    from liveact_eval.cli.progress import RunProgress
    from liveact_eval.execution import session

    with ExitStack() as stack:
        return session.execute(
            config, lambda plan: stack.enter_context(RunProgress(plan.pairs, quiet=quiet))
        ).results


def _official(plan: Plan, tools: Mapping[str, Tool], out: Path, *, quiet: bool) -> tuple[Results, bool]:
    """A run by VBench; whether it failed somewhere."""
    from liveact_eval.cli.progress import RunProgress
    from liveact_eval.environments.official_run import OfficialRun, given_of, videos_of
    from liveact_eval.importing.given import described, results_of, write_files
    from liveact_eval.results.folder import RunFolder
    from liveact_eval.results.journal import Journal

    networks = plan.config.networks
    with RunFolder(out) as folder:
        name = out.resolve().name
        empty = given_of(plan, tools, {}, name)
        folder.claim(f"{plan.source}, by {FOLDER}", described(empty))
        with Journal(folder.layout.journal) as journal:
            videos = list(videos_of(plan))
            run = OfficialRun(
                tools,
                journal,
                out / "vbench.log",
                device=networks.device,
                seconds=networks.answer_seconds,
            )
            with RunProgress(len(videos) * len(tools), quiet=quiet) as progress:
                found = run.run(tuple(tools), videos, progress)
        results = results_of(given_of(plan, tools, found, name), plan.config.statistics)
        write_files(results, folder.layout)
    bad = any(value.reason == "tool_failed" for values in found.values() for value in values.values())
    return results, bad or any(video.problem is not None for video in videos)


def _show(results: Results, as_json: bool) -> None:
    if as_json:
        write_text(results.model_dump_json(indent=2))
        return
    from liveact_eval.reporting.tables import markdown

    write_text(markdown(results).rstrip())


def _show_differences(found: list[Difference], as_json: bool) -> None:
    if as_json:
        write_json([vars(item) for item in found])
        return
    from rich.table import Table

    from liveact_eval.environments.differences import columns

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for number, column in enumerate(columns()):
        table.add_column(column, justify="left" if number < 2 else "right", overflow="fold")
    for item in found:
        table.add_row(*item.texts())
    stdout().print(table)
    for item in found:
        if item.reason is not None:
            stdout().print(f"{item.metric} of {item.model}: {item.reason}", markup=False, soft_wrap=True)
