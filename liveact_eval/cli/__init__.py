"""The command line: parse, call, print. No logic."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of `liveact-eval`: user errors become one message and an exit code, bugs a traceback."""
    from liveact_eval.cli.app import app
    from liveact_eval.cli.console import stderr
    from liveact_eval.errors import LiveactEvalError

    try:
        app(prog_name="liveact-eval")
    except LiveactEvalError as error:
        stderr().print(f"[bold red]error:[/] {_plain(str(error))}", soft_wrap=True, highlight=False)
        sys.exit(error.exit_code)


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)
