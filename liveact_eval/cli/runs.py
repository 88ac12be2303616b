"""`liveact-eval runs list|show|remove|log|export|validate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from liveact_eval.cli import options
from liveact_eval.cli.console import stdout, write_json
from liveact_eval.cli.tables import show_content, show_list

Run = Annotated[Path, typer.Argument(help="Run folder.", show_default=False)]

runs = typer.Typer(
    no_args_is_help=True,
    help="List finished runs, show, remove, log and export one, check what somebody sends. "
    "Example: liveact-eval runs list --json",
)


@runs.command("list")
def list_runs(
    folder: Annotated[Path, typer.Argument(help="Folder that holds run folders.")] = Path("runs"),
    as_json: options.Json = False,
) -> None:
    """Runs in a folder, newest first. Example: liveact-eval runs list"""
    from liveact_eval.results.listing import list_row, run_folders

    show_list([list_row(path) for path in run_folders(folder)], as_json)


@runs.command("show")
def show_run(run: Run, as_json: options.Json = False) -> None:
    """One run: models, clips, counts, provenance. Example: liveact-eval runs show runs/demo"""
    from liveact_eval.results.listing import shown_run

    show_content(shown_run(run), as_json)


@runs.command("remove")
def remove_run(
    run: Run,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete a run folder with its videos. Example: liveact-eval runs remove runs/quick --yes"""
    import sys

    from liveact_eval.errors import UserError
    from liveact_eval.results.listing import check_is_run, remove

    size = check_is_run(run)
    if not yes:
        if not sys.stdin.isatty():
            raise UserError(f"Removing {str(run)!r} has to be confirmed: add --yes.")
        typer.confirm(f"Delete {run} ({size / 2**20:.0f} MiB)?", abort=True, err=True)
    remove(run)
    stdout().print(f"Removed {run}.", markup=False)


@runs.command("log")
def log(
    run: Run,
    to: Annotated[
        list[str],
        typer.Option(
            "--to", help="tensorboard, wandb or mlflow; repeatable.", metavar="TRACKER", show_default=False
        ),
    ],
) -> None:
    """Log a finished run to a tracker, as --log-to does at its end. Logged again, it replaces what was there.

    Example: liveact-eval runs log runs/demo --to tensorboard
    """
    from liveact_eval.trackers.named import log_run

    for line in log_run(run, to):
        stdout().print(line, markup=False, soft_wrap=True)


@runs.command("export")
def export(
    run: Run,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The archive. Default: NAME.zip in this folder.")
    ] = None,
    videos: Annotated[bool, typer.Option("--videos", help="With the videos, the real ones too.")] = False,
) -> None:
    """One file to send: results, tables, plots, thumbnails; with --videos these too.

    Example: liveact-eval runs export runs/demo --out demo.zip
    """
    from liveact_eval.results.archive import export_run

    target = out or Path(f"{run.resolve().name}.zip")
    manifest = export_run(run, target, videos=videos)
    size = sum(item.bytes for item in manifest.files)
    stdout().print(f"{target}: {len(manifest.files)} files, {size / 2**20:.1f} MiB unpacked.", markup=False)


@runs.command("validate")
def validate(
    path: Annotated[Path, typer.Argument(help="Archive, or run folder.", show_default=False)],
    into: Annotated[
        Path | None, typer.Option("--into", help="New folder that a valid archive is unpacked to.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Check results that somebody sends: files, hashes, schema, counts. Exit code 1 if something does not fit.

    Examples:

        liveact-eval runs validate theirs.zip

        liveact-eval runs validate theirs.zip --into runs/theirs
    """
    from liveact_eval.errors import ExitCode
    from liveact_eval.results.listing import validated

    found = validated(path, into)
    if as_json:
        write_json({"path": str(path), "valid": not found, "problems": found})
    else:
        for line in found:
            stdout().print(f"- {line}", markup=False, soft_wrap=True)
        counted = f"{len(found)} problem{'s' if len(found) > 1 else ''}."
        stdout().print(f"{path}: {counted if found else 'valid.'}", markup=False, soft_wrap=True)
    if found:
        raise typer.Exit(ExitCode.GATE)
