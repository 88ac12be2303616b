"""`liveact-eval score`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from liveact_eval.cli import options
from liveact_eval.cli.official import Backend, start_official


def score(
    videos: Annotated[
        Path, typer.Argument(help="Folder of videos made elsewhere, or one video.", show_default=False)
    ],
    reference: Annotated[
        str | None,
        typer.Option(
            "--reference",
            "-r",
            help="Real clips of the same names: a dataset, a list of clips (CSV, JSONL) or a folder.",
        ),
    ] = None,
    audio: Annotated[
        Path | None,
        typer.Option("--audio", help="Folder of driving sounds of the same names (without --reference)."),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the row; default: that of the folder.")
    ] = None,
    backend: Annotated[
        Backend,
        typer.Option(
            "--backend",
            help="Who measures: the metrics here, VBench as published (env build vbench), or both beside each other.",
        ),
    ] = Backend.NATIVE,
    metrics: options.Metrics = None,
    limit: options.Limit = None,
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
    """Measure videos that were made elsewhere.

    With --reference the real clips are measured too, and metrics that compare with them are computed.

    Examples:

        liveact-eval score my_videos --out runs/mine

        liveact-eval score my_videos --reference path/to/real --metrics ssim,psnr --out runs/mine

        liveact-eval score one.mp4 --out runs/one --json

        liveact-eval score my_videos --backend both --metrics temporal_flickering --out runs/checked
    """
    from liveact_eval.cli.session import start
    from liveact_eval.errors import UserError
    from liveact_eval.execution.config import build_config

    if use_reserve and reference is None:
        raise UserError("--use-reserve is about the clips of --reference, which is not given. Leave it out.")
    source = {"videos": videos, "reference": reference, "audio": audio, "name": name}
    flags = {
        "score": {key: value for key, value in source.items() if value is not None},
        "metrics": metrics,
        "limit": limit,
        "out": out,
        "max_failures": options.number(max_failures, "--max-failures"),
        "workers": workers,
        "log_to": log_to,
        "protocol": {"use_reserve": True} if use_reserve else None,
    }
    resolved = build_config(config, assignments or [], flags)
    if backend is not Backend.NATIVE:
        both = backend is Backend.BOTH
        start_official(resolved, both=both, plan_only=plan, quiet=quiet, as_json=as_json)
        return
    start(resolved, plan_only=plan, quiet=quiet, as_json=as_json)
