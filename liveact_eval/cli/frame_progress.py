"""Progress of one video: a bar on a terminal, plain lines in a pipe, nothing when quiet."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from liveact_eval.cli.console import stderr

_LINE_EVERY_S = 5.0


class FrameProgress:
    """Tells how many frames are made, how fast, and how long the rest will take."""

    def __init__(self, total: int, *, quiet: bool) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
        from rich.progress import TimeRemainingColumn as Remaining

        self._console = stderr()
        self._total, self._quiet = total, quiet
        self._done = 0
        self._started = self._told = time.monotonic()
        columns = (
            TextColumn("[bold]frames[/]"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            Remaining(),
        )
        self._bar = Progress(*columns, console=self._console) if sys.stderr.isatty() and not quiet else None
        self._task = None if self._bar is None else self._bar.add_task("frames", total=total, rate="")

    def __enter__(self) -> FrameProgress:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, frames: int) -> None:
        """So many more frames are made."""
        self._done += frames
        now = time.monotonic()
        rate = self._done / max(now - self._started, 1e-9)
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, advance=frames, rate=f"{rate:.1f} FPS")
        elif not self._quiet and now - self._told > _LINE_EVERY_S and self._done < self._total:
            self._told = now
            left = (self._total - self._done) / rate
            self._console.print(
                f"{self._done}/{self._total} frames, {rate:.1f} FPS, {left:.0f} s left", markup=False
            )
