"""`liveact-eval ablate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from liveact_eval.cli import options
from liveact_eval.cli.console import stderr, stdout, write_json, write_text

if TYPE_CHECKING:
    from liveact_eval.ablations.engine import AblationPlan, Finished
    from liveact_eval.ablations.schema import Ablation
    from liveact_eval.ablations.study import Request, Study
    from liveact_eval.cli.ablate_progress import AblateProgress


def ablate(
    name: Annotated[str | None, typer.Argument(help="Name of an ablation.", show_default=False)] = None,
    show_list: Annotated[bool, typer.Option("--list", help="List the ablations.")] = False,
    model: Annotated[
        str, typer.Option("--model", help="Name or path of a native model card.")
    ] = "liveact-mini",
    weights: Annotated[
        Path | None,
        typer.Option("--weights", help="Folder of weight files, as liveact-eval train makes: KIT/weights."),
    ] = None,
    kits: Annotated[
        list[str] | None,
        typer.Option(
            "--kit",
            help="For forcing and strategies: a kit that another recipe trained, [bold]DIR[/] or "
            "[bold]RECIPE=DIR[/]; repeatable.",
        ),
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Seeds of the noise; intervals take 3.")] = 3,
    clips: Annotated[
        int | None, typer.Option("--clips", min=1, help="Clips, each of another speaker.", show_default=False)
    ] = None,
    seconds: Annotated[
        float | None, typer.Option("--seconds", help="Length of each clip.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Folder; the same one continues. Default: runs/ablate-NAME.",
            show_default=False,
        ),
    ] = None,
    plan_only: options.PlanOnly = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Take one part of the native model at a time, and set the paper's finding beside what is measured.

    Writes a table (md, csv, json) and a plot (png, svg). A killed one continues with the same command.

    Examples:

        liveact-eval ablate --list

        liveact-eval ablate memory --weights runs/mini/weights --seconds 300

        liveact-eval ablate steps --model liveact-tiny --clips 2 --seconds 4     # tries the machinery

        liveact-eval ablate forcing --kit runs/neighbor --kit runs/self --kit runs/bidirectional
    """
    from liveact_eval.ablations.named import studies, study_named
    from liveact_eval.errors import UserError

    if show_list:
        _list(studies(), as_json=as_json)
        return
    if name is None:
        raise UserError(
            "Which ablation? Names: " + ", ".join(studies()) + ". As in: liveact-eval ablate memory"
        )
    study = study_named(name)
    request = _request(
        study,
        model=model,
        weights=weights,
        kits=kits or [],
        seeds=seeds,
        clips=clips,
        seconds=seconds,
        out=out,
    )
    if plan_only:
        from liveact_eval.ablations.engine import plan_ablation

        _show_plan(plan_ablation(study, request), as_json=as_json)
        return
    finished = _run(study, request, quiet=quiet)
    if as_json:
        write_text(finished.ablation.model_dump_json(indent=2))
    else:
        _show(finished.ablation)
    if not quiet:
        for suffix in ("md", "csv", "json", "png", "svg"):
            path = finished.root / f"ablation.{suffix}"
            if path.exists():
                stderr().print(f"  {escape(str(path))}", soft_wrap=True)
    if finished.exit_code:
        raise typer.Exit(int(finished.exit_code))


def _request(
    study: Study,
    *,
    model: str,
    weights: Path | None,
    kits: list[str],
    seeds: int,
    clips: int | None,
    seconds: float | None,
    out: Path | None,
) -> Request:
    from liveact_eval.ablations.study import Request

    named = []
    for text in kits:
        recipe, equals, folder = text.partition("=")
        path = Path(folder if equals else recipe)
        # A name alone is a folder of runs, where kits are by default.
        if not path.exists() and len(path.parts) == 1:
            path = Path("runs") / path
        named.append((recipe if equals else "", path))
    return Request(
        model=model,
        weights=weights,
        kits=tuple(named),
        seeds=seeds,
        clips=clips or study.clips,
        seconds=study.seconds if seconds is None else seconds,
        out=out or Path("runs") / f"ablate-{study.name}",
    )


def _list(known: dict[str, Study], *, as_json: bool) -> None:
    from liveact_eval.cli.tables import show_list

    show_list(
        [
            {"name": study.name, "clips": study.clips, "seconds": study.seconds, "summary": study.summary}
            for study in known.values()
        ],
        as_json,
    )


def _run(study: Study, request: Request, *, quiet: bool) -> Finished:
    from liveact_eval.ablations.engine import run_ablation
    from liveact_eval.cli.ablate_progress import AblateProgress

    progress: list[AblateProgress] = []

    def watch(plan: AblationPlan) -> AblateProgress:
        if not quiet:
            runnable = [variant.name for variant in plan.variants if variant.name not in plan.lacking]
            stderr().print(
                f"{study.title}: {', '.join(runnable)} × {len(plan.bench.entries)} clips of {request.seconds:g} s × "
                f"{request.seeds} seeds, into {escape(str(request.out))}",
                soft_wrap=True,
            )
            for name, why in plan.lacking.items():
                stderr().print(f"[yellow]not run:[/] {escape(name)}: {escape(why)}", soft_wrap=True)
        progress.append(AblateProgress(len(plan.units), quiet=quiet).__enter__())
        return progress[0]

    try:
        return run_ablation(study, request, watch)
    except KeyboardInterrupt:
        stderr().print("\nInterrupted. Everything finished is kept; the same command continues.")
        raise typer.Exit(130) from None
    finally:
        for bar in progress:
            bar.__exit__(None, None, None)


def _show_plan(plan: AblationPlan, *, as_json: bool) -> None:
    from liveact_eval.cli.tables import show_content

    request = plan.request
    content = {
        "ablation": plan.study.name,
        "source": plan.study.source,
        "model": plan.bench.card.name,
        "variants": [variant.name for variant in plan.variants if variant.name not in plan.lacking],
        "not_run": dict(plan.lacking),
        "clips": [clip.id for clip in plan.bench.entries],
        "seconds": request.seconds,
        "seeds": list(range(request.seeds)),
        "units": len(plan.units),
        "done_before": plan.done,
        "frames_to_make": (len(plan.units) - plan.done) * plan.bench.frames,
        "measures": [measure.name for measure in plan.study.measures],
        "findings": [finding.says for finding in plan.study.findings],
        "out": str(request.out),
    }
    if as_json:
        write_json(content)
    else:
        show_content(content, False)


def _show(ablation: Ablation) -> None:
    from rich.table import Table

    from liveact_eval.ablations.tables import cells, conditions, heading, incomplete

    table = Table(header_style="bold")
    table.add_column("", overflow="fold")
    for measure in ablation.measures:
        table.add_column(escape(heading(measure)), justify="right", overflow="fold")
    for title, found in cells(ablation):
        table.add_row(escape(title), *map(escape, found))
    console = stdout()
    console.print(table)
    console.print(f"[dim]{escape(conditions(ablation))}[/]", soft_wrap=True)
    for finding in ablation.findings:
        console.print(f"{escape(finding.sentence)} [dim]({escape(finding.source)})[/]", soft_wrap=True)
    for line in (*ablation.notes, *incomplete(ablation)):
        console.print(f"[dim]{escape(line)}[/]", soft_wrap=True)
