"""Progress of one video: a bar on a terminal, plain lines in a pipe, nothing when quiet."""

from __future__ import annotations

import time

from liveact_eval.cli.live_bar import LiveBar


class FrameProgress(LiveBar):
    """Tells how many frames are made, how fast, and how long the rest will take."""

    def __init__(self, total: int, *, quiet: bool) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import TimeRemainingColumn as Remaining

        super().__init__(quiet=quiet, line_every_s=5.0)
        self._total = total
        self._done = 0
        self.show(
            TextColumn("[bold]frames[/]"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            Remaining(),
            total=total,
        )

    def advance(self, frames: int) -> None:
        """So many more frames are made."""
        self._done += frames
        rate = self._done / max(time.monotonic() - self.started, 1e-9)
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, advance=frames, rate=f"{rate:.1f} FPS")
        elif self._done < self._total and self.line_is_due():
            left = (self._total - self._done) / rate
            self.console.print(
                f"{self._done}/{self._total} frames, {rate:.1f} FPS, {left:.0f} s left", markup=False
            )
