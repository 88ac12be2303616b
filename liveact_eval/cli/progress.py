"""Progress of a run: a bar on a terminal, plain lines in a pipe, nothing when quiet."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from rich.markup import escape

from liveact_eval.cli.console import stderr

_LINE_EVERY_S = 5.0


class RunProgress:
    """Tells how far a run is. Failures are always told, each on a line of its own."""

    def __init__(self, total: int, *, quiet: bool) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
        from rich.progress import TimeRemainingColumn as Remaining

        self._console = stderr()
        self._total, self._quiet = total, quiet
        self._done = self._failed = self._before = 0
        self._started = self._told = time.monotonic()
        columns = (
            TextColumn("[bold]clips × models[/]"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            Remaining(),
            TextColumn("[dim]{task.fields[last]}"),
        )
        self._bar = Progress(*columns, console=self._console) if sys.stderr.isatty() and not quiet else None
        self._task = (
            self._bar.add_task("run", total=total, rate="", last="") if self._bar is not None else None
        )

    def __enter__(self) -> RunProgress:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        elif not self._quiet:
            self._line()

    def advance(self, text: str, *, failed: bool = False) -> None:
        """One (clip, model) pair is finished."""
        self._done += 1
        self._failed += failed
        self._before += text.endswith("done before")
        if failed:
            self._console.print(f"[yellow]failed[/] {escape(text)}", soft_wrap=True)
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, advance=1, last=escape(text[:48]), rate=self._rate())
        elif not self._quiet and time.monotonic() - self._told > _LINE_EVERY_S:
            self._line()

    def _rate(self) -> str:
        fresh, seconds = self._done - self._before, time.monotonic() - self._started
        return f"{fresh / seconds:.1f}/s" if fresh and seconds > 0 else ""

    def _line(self) -> None:
        self._told = time.monotonic()
        failed = f", {self._failed} failed" if self._failed else ""
        before = f" ({self._before} done before)" if self._before else ""
        rate = f", {self._rate()}" if self._rate() else ""
        self._console.print(f"{self._done}/{self._total} clips × models{before}{failed}{rate}")
