"""`liveact-eval run`."""

from __future__ import annotations

from typing import Annotated

import typer

from liveact_eval.cli import options


def run(
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model", help="Name or path of a model card; repeatable. The row `real` is always added."
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset",
            "-d",
            help="Name of a dataset, or path of a card, of a list of clips (CSV, JSONL) or of a folder of videos.",
        ),
    ] = None,
    metrics: options.Metrics = None,
    limit: options.Limit = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Seed of all that generators draw.")
    ] = None,
    out: options.Out = None,
    max_failures: options.MaxFailures = None,
    workers: options.Workers = None,
    log_to: options.LogTo = None,
    use_reserve: options.UseReserve = False,
    plan: options.PlanOnly = False,
    config: options.Config = None,
    assignments: options.Assignments = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Generate, measure and report: models on a dataset, one table.

    Examples:

        liveact-eval run                                     # liveact-mini and controls on the embedded dataset

        liveact-eval run --model still --model shift --dataset path/to/videos

        liveact-eval run --dataset talkers-128 --limit 4 --metrics ssim,psnr --out runs/quick

        liveact-eval run --config run.yaml --set statistics.resamples=5000 --plan
    """
    from liveact_eval.cli.session import start
    from liveact_eval.execution.config import build_config

    flags = {
        "models": model,
        "dataset": dataset,
        "metrics": metrics,
        "limit": limit,
        "seed": seed,
        "out": out,
        "max_failures": options.number(max_failures, "--max-failures"),
        "workers": workers,
        "log_to": log_to,
        "protocol": {"use_reserve": True} if use_reserve else None,
    }
    start(build_config(config, assignments or [], flags), plan_only=plan, quiet=quiet, as_json=as_json)
