"""`liveact-eval doctor`."""

from __future__ import annotations

import typer

from liveact_eval.cli import options
from liveact_eval.cli.console import stdout, write_json
from liveact_eval.errors import ExitCode


def doctor(as_json: options.Json = False) -> None:
    """Check this machine and this installation, and say the command that mends each finding.

    Draws a three-second clip, encodes it, decodes it and measures a known offset: the path of every run.

    Example:

        liveact-eval doctor
    """
    from liveact_eval.execution.doctor import examine

    checks = examine()
    if as_json:
        write_json([vars(check) for check in checks])
    else:
        from rich.markup import escape
        from rich.table import Table

        marks = {"ok": "[green]ok[/]", "note": "[yellow]note[/]", "broken": "[bold red]broken[/]"}
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        for check in checks:
            mend = f"\n[bold]mend:[/] {escape(check.mend)}" if check.mend else ""
            table.add_row(marks[check.state], escape(check.name), escape(check.found) + mend)
        stdout().print(table)
    if any(check.state == "broken" for check in checks):
        raise typer.Exit(int(ExitCode.ENVIRONMENT))
