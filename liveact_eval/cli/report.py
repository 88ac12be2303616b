"""`liveact-eval report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    runs: Annotated[
        list[Path],
        typer.Argument(
            help="Finished run folders; those under one protocol share a table.", show_default=False
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="Folder of the page. Default: RUN/report; needed with several runs."
        ),
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """A page to look at: table, plots, all models of a clip side by side and in step, failures, provenance, protocol.

    One folder, without a server; it can be moved, packed and sent.

    Examples:

        liveact-eval report runs/demo --open

        liveact-eval report runs/ours runs/theirs --out report
    """
    from liveact_eval.cli.console import stdout
    from liveact_eval.errors import UserError
    from liveact_eval.html_report.build import write_report

    if out is None and len(runs) > 1:
        raise UserError(f"{len(runs)} runs were given; expected --out FOLDER to say where their page goes.")
    page = write_report(runs, out or runs[0] / "report")
    stdout().print(str(page), markup=False, soft_wrap=True)
    if show:
        import webbrowser

        webbrowser.open(page.resolve().as_uri())
