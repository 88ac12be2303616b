"""Where text goes: results to stdout, everything else to stderr."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console

_PIPE_WIDTH = 200
"""Columns of text in a pipe or a file, which has no width of its own."""


def stdout() -> Console:
    """The console for results. Piped output is not cut to a terminal's width."""
    return _console(sys.stdout)


def stderr() -> Console:
    """The console for progress, warnings and errors."""
    return _console(sys.stderr)


def write_json(content: object) -> None:
    """Print JSON to stdout, as it is: no colour, no wrapping."""
    write_text(json.dumps(content, indent=2, ensure_ascii=False, default=str))


def write_text(text: str) -> None:
    """Print text to stdout, as it is."""
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        _let_go(sys.stdout)


def _console(stream: TextIO) -> Console:
    from rich.console import Console

    class Piped(Console):
        def on_broken_pipe(self) -> None:
            _let_go(stream)

    return Piped(file=stream, width=None if stream.isatty() else _PIPE_WIDTH, highlight=False)


def _let_go(stream: TextIO) -> None:
    """The reader of a pipe went away (`| head`): what it read was right, and the work goes on unheard."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
