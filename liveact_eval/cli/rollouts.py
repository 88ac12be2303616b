"""`liveact-eval rollouts list|show`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from liveact_eval.cli import options
from liveact_eval.cli.console import stderr, stdout, write_json
from liveact_eval.cli.tables import show_list

if TYPE_CHECKING:
    from liveact_eval.rollouts.trace import TracedCall

rollouts = typer.Typer(
    no_args_is_help=True,
    help="List forcing strategies, and show what one looks at, call by call. Example: liveact-eval rollouts list",
)


@rollouts.command("list")
def list_rollouts(as_json: options.Json = False) -> None:
    """All forcing strategies that a model card may name. Example: liveact-eval rollouts list --json"""
    from liveact_eval.rollouts.listing import rollout_rows

    show_list(rollout_rows(), as_json)


@rollouts.command("show")
def show_rollout(
    name: Annotated[str, typer.Argument(help="Name of a rollout.", show_default=False)],
    blocks: Annotated[
        int, typer.Option("--blocks", "-n", help="Length of the video in blocks, 1 to 200.")
    ] = 6,
    switch_at: Annotated[
        int | None,
        typer.Option(
            "--switch-at", help="Block from which on the prompt is another one.", show_default=False
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Draw it into this PNG file too.", show_default=False)
    ] = None,
    as_json: options.Json = False,
) -> None:
    """What a rollout looks at, at which RoPE positions and levels, and what it keeps: call by call, from a real run.

    The run is one over a tiny transformer, without files or downloads. Frames are latent frames.

    Examples:

        liveact-eval rollouts show rolling-forcing

        liveact-eval rollouts show avatar-forcing --blocks 8 --out avatar.png

        liveact-eval rollouts show longlive --switch-at 4 --json
    """
    from liveact_eval.rollouts.tracing import check_video, trace_rollout

    check_video(name, blocks, switch_at)
    if out is not None:
        _check_out(out)
    calls = trace_rollout(name, blocks, switch_at=switch_at)
    if out is not None:
        from liveact_eval.rollouts.drawing import draw_trace

        draw_trace(name, calls, out)
        stderr().print(f"drawn: {out}", markup=False, soft_wrap=True)
    if as_json:
        write_json({"name": name, "blocks": blocks, "calls": [call.as_json() for call in calls]})
        return
    _print(calls)


def _check_out(out: Path) -> None:
    from liveact_eval.errors import UserError

    if out.suffix.lower() != ".png":
        raise UserError(f"--out {str(out)!r}: expected a name that ends in .png. Give --out {out.stem}.png")
    if out.is_dir() or not out.parent.is_dir():
        raise UserError(f"--out {str(out)!r}: expected a file in a folder that exists. Make the folder first")


def _print(calls: list[TracedCall]) -> None:
    from rich.markup import escape
    from rich.table import Table

    from liveact_eval.rollouts.trace_rows import grouped, row_of

    rows: list[dict[str, Any]] = [row_of(group) for group in grouped(calls)]
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in rows[0]:
        right = column in {"block", "in memory"}
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(escape(value) for value in row.values()))
    stdout().print(table)
