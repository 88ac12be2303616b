"""Progress of training: a bar on a terminal, plain lines in a pipe, nothing when quiet."""

from __future__ import annotations

import time

from liveact_eval.cli.live_bar import LiveBar


class TrainProgress(LiveBar):
    """Tells how many updates are done, how fast, how well, and how long the rest will take."""

    def __init__(self, steps: int, *, quiet: bool) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import TimeRemainingColumn as Remaining

        super().__init__(quiet=quiet, line_every_s=15.0)
        self._steps = steps
        self._first: tuple[int, float] | None = None
        self.show(
            TextColumn("[bold]steps[/]"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[last]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            Remaining(),
            total=steps,
        )

    def advance(self, step: int, text: str) -> None:
        """`step` updates are done; `text` says how it goes."""
        now = time.monotonic()
        if self._first is None:
            self._first = step, now
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, completed=step, last=text)
        elif self.line_is_due():
            first, then = self._first
            rate = (step - first) / max(now - then, 1e-9)
            left = f", {(self._steps - step) / rate:.0f} s left" if rate > 0 else ""
            self.console.print(
                f"{step}/{self._steps} steps, {text}, {rate:.2f} per second{left}", markup=False
            )

    def encoded(self, there: int, count: int) -> None:
        """So many of the samples that the stage learns from are encoded."""
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, last=f"encoding samples, {there} of {count}")
        elif self.line_is_due():
            self.console.print(f"{there}/{count} samples encoded", markup=False)
