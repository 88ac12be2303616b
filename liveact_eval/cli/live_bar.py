"""What all progress bars have in common: there on a terminal, absent in a pipe or when quiet."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from liveact_eval.cli.console import stderr

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, TaskID
    from typing_extensions import Self


class LiveBar:
    """A bar with one task, and the time since the last plain line.

    Args:
        quiet: neither bar nor lines.
        line_every_s: seconds between plain lines where there is no bar.
    """

    def __init__(self, *, quiet: bool, line_every_s: float) -> None:
        self.console = stderr()
        self.quiet = quiet
        self.started = self._told = time.monotonic()
        self._line_every_s = line_every_s
        self.bar: Progress | None = None
        self.task: TaskID | None = None

    def show(self, *columns: ProgressColumn, total: int | None, visible: bool = True) -> None:
        """Put up the bar, if this is a terminal. Columns may show the task's fields `rate` and `last`."""
        from rich.progress import Progress

        if sys.stderr.isatty() and not self.quiet:
            self.bar = Progress(*columns, console=self.console)
            self.task = self.bar.add_task("", total=total, visible=visible, rate="", last="")

    def show_counted(self, title: str, *, total: int | None, rate: bool = False) -> None:
        """Put up a bar that counts: title, how many of how many, the rate if asked for, times, and what came last."""
        from rich.markup import escape
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self.show(
            TextColumn(f"[bold]{escape(title)}[/]"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            *([TextColumn("{task.fields[rate]}")] if rate else []),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("[dim]{task.fields[last]}"),
            total=total,
        )

    def line_is_due(self) -> bool:
        """Whether a plain line should be told now; if so, the next one is due later."""
        due = self.bar is None and not self.quiet and time.monotonic() - self._told > self._line_every_s
        if due:
            self._told = time.monotonic()
        return due

    def __enter__(self) -> Self:
        if self.bar is not None:
            self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.stop()
