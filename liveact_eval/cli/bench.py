"""`liveact-eval bench`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from liveact_eval.cli import options

if TYPE_CHECKING:
    from liveact_eval.efficiency.benchmark import AnyPlan
    from liveact_eval.efficiency.request import BenchRequest
    from liveact_eval.efficiency.schema import Efficiency

_META = "meta"


def bench(
    model: Annotated[
        str, typer.Option("--model", help="Name or path of a card: a native model, or a program.")
    ] = "liveact",
    size: Annotated[
        list[str] | None,
        typer.Option("--size", help="WIDTHxHEIGHT; repeatable. Default: the model's; 64x64 on a CPU."),
    ] = None,
    blocks: Annotated[
        list[str] | None,
        typer.Option(
            "--blocks", help="Latent frames of the first and of later blocks, as in [bold]6+8[/]; repeatable."
        ),
    ] = None,
    device: Annotated[
        str,
        typer.Option(
            "--device", help="cpu, cuda, cuda:N; auto: a GPU where there is one; meta: count operations only."
        ),
    ] = "auto",
    dtype: Annotated[
        str, typer.Option("--dtype", help="float32, bfloat16, float16; auto: bfloat16 on a GPU.")
    ] = "auto",
    seconds: Annotated[float, typer.Option("--seconds", help="Length of each video.")] = 10.0,
    repeats: Annotated[
        int, typer.Option("--repeats", help="Videos that are measured, after a cold one.")
    ] = 5,
    live: Annotated[
        bool,
        typer.Option("--live", help="Make each video once more in real time: sound at the speed of speech."),
    ] = False,
    target_fps: Annotated[
        float | None,
        typer.Option("--target-fps", help="Deadlines are those of this rate. Default: the model's."),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset", help="Make clips of this dataset, and score the very frames that were timed."
        ),
    ] = None,
    metrics: options.Metrics = None,
    weights: Annotated[Path | None, typer.Option("--weights", help="Folder of weight files.")] = None,
    random_weights: Annotated[
        bool,
        typer.Option(
            "--random-weights",
            help="Draw weights from a seed: times are those of real ones, pictures are noise.",
        ),
    ] = False,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", help="An option of the generator, as in [bold]generate[/]; repeatable."),
    ] = None,
    run: Annotated[
        list[Path] | None,
        typer.Option("--run", help="Run folder for a plot of quality against cost; repeatable."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Result folder. Default: runs/bench-MODEL.")
    ] = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Measure how fast a model streams: FPS, latency, delays of a live call, memory, operations.

    No cache is read. Every figure carries its spread over the repeats; warm-up is reported, and in no figure.

    Examples:

        liveact-eval bench --model liveact-mini --device cpu

        liveact-eval bench --model liveact-tiny --size 32x32 --size 64x64 --out runs/sizes

        liveact-eval bench --model liveact-mini --dataset talkers --out runs/mini-speed

        liveact-eval bench --model liveact-mini --live --repeats 2 --seconds 10

        liveact-eval bench --model liveact --random-weights --device cuda --seconds 90

        liveact-eval bench --model liveact --size 512x512 --device meta

        liveact-eval bench --model soulx-liveact --seconds 20    # a program, by the times that it prints
    """
    from liveact_eval.efficiency.benchmark import plan_benchmark
    from liveact_eval.efficiency.request import BenchRequest

    if device == _META:
        given = {
            "--blocks": blocks,
            "--set": assignments,
            "--live": live,
            "--dataset": dataset,
            "--weights": weights,
            "--run": run,
            "--out": out,
        }
        _count(model, size or [], [name for name, value in given.items() if value], as_json=as_json)
        return
    request = BenchRequest(
        model=model,
        out=out or Path("runs") / f"bench-{Path(model).stem}",
        sizes=tuple(size or ()),
        blocks=tuple(blocks or ()),
        device=device,
        dtype=dtype,
        seconds=seconds,
        repeats=repeats,
        live=live,
        target_fps=target_fps,
        dataset=dataset,
        metrics=tuple(metrics or ()),
        weights=weights,
        random_weights=random_weights,
        options=tuple(assignments or ()),
    )
    _measure(plan_benchmark(request), run or [], quiet=quiet, as_json=as_json)


def _count(model: str, sizes: list[str], refused: list[str], *, as_json: bool) -> None:
    """Operations alone, without a device."""
    from liveact_eval.cli.bench_meta import print_operations
    from liveact_eval.efficiency.request import native_card, parse_size
    from liveact_eval.errors import UserError

    if refused:
        raise UserError(
            f"--device meta counts the model as its card has it and writes no file; {', '.join(refused)} would change "
            "nothing. Leave it out, or take another --device."
        )
    if len(sizes) > 1:
        raise UserError(f"--device meta counts one size, and {len(sizes)} are given. Give one --size.")
    card = native_card(model)
    assert card.native is not None
    print_operations(card, parse_size(sizes[0]) if sizes else card.native.size, as_json)


def _measure(plan: AnyPlan, runs: list[Path], *, quiet: bool, as_json: bool) -> None:
    from liveact_eval.cli.console import stderr
    from liveact_eval.cli.frame_progress import FrameProgress
    from liveact_eval.efficiency.benchmark import frames_of, measure
    from liveact_eval.efficiency.folder import QUALITY, make_folder, write_folder
    from liveact_eval.efficiency.quality_plot import open_runs, write_quality_plot
    from liveact_eval.errors import ExitCode

    opened = open_runs(runs, plan.card.name)
    frames = frames_of(plan)
    if not quiet:
        cases = "; ".join(case.name for case in plan.cases)
        stderr().print(
            f"{plan.card.name}: {cases}; {plan.request.repeats} repeats and a cold video each, into {plan.request.out}",
            markup=False,
            soft_wrap=True,
        )
    make_folder(plan.request.out)
    progress = FrameProgress(frames, quiet=quiet)

    try:
        with progress:
            efficiency = measure(plan, progress.advance)
        code = int(ExitCode.OK)
        if plan.request.dataset is not None:
            code = _score(plan, quiet=quiet)
            efficiency = efficiency.model_copy(update={"quality": QUALITY})
    except KeyboardInterrupt:
        stderr().print("\nInterrupted. An unfinished benchmark writes no figures: run it again.")
        raise typer.Exit(130) from None
    write_folder(efficiency, plan.request.out)
    if opened:
        write_quality_plot(efficiency, opened, plan.request.out / "plots" / "quality.png")
    _show(efficiency, plan.request, quiet=quiet, as_json=as_json)
    if code:
        raise typer.Exit(code)


def _score(plan: AnyPlan, *, quiet: bool) -> int:
    from liveact_eval.cli.progress import RunProgress
    from liveact_eval.efficiency.quality import score_videos
    from liveact_eval.execution.plan import Plan

    bars: list[RunProgress] = []

    def watch(score: Plan) -> RunProgress:
        bars.append(RunProgress(score.pairs, quiet=quiet).__enter__())
        return bars[0]

    try:
        return int(score_videos(plan.request, plan.card.name, watch).exit_code)
    finally:
        for bar in bars:
            bar.__exit__(None, None, None)


def _show(efficiency: Efficiency, request: BenchRequest, *, quiet: bool, as_json: bool) -> None:
    from rich.markup import escape
    from rich.table import Table

    from liveact_eval.cli.console import stderr, stdout, write_text
    from liveact_eval.efficiency import report

    if as_json:
        write_text(efficiency.model_dump_json(indent=2))
        return
    console = stdout()
    table = Table(header_style="bold")
    table.add_column(escape(efficiency.title), overflow="fold")
    for case in efficiency.cases:
        table.add_column(escape(case.name), justify="right", overflow="fold")
    for title, cells in report.rows(efficiency):
        table.add_row(escape(title), *cells)
    console.print(table)
    for case in (case for case in efficiency.cases if case.stages):
        stages = Table(header_style="bold")
        for place, title in enumerate((f"stage, {case.name}", "ms per block", "spread", "share")):
            stages.add_column(escape(title), justify="right" if place else "left")
        for row in report.stage_rows(case):
            stages.add_row(*map(escape, row))
        console.print(stages)
    for line in (report.conditions(efficiency), *report.lines_below(efficiency)):
        console.print(f"[dim]{escape(line)}[/]", soft_wrap=True)
    if not quiet:
        stderr().print(f"  results     {escape(str(request.out))}", soft_wrap=True)
