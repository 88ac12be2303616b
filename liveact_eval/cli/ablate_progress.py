"""Progress of an ablation: a bar on a terminal, plain lines in a pipe, nothing when quiet."""

from __future__ import annotations

from rich.markup import escape

from liveact_eval.cli.live_bar import LiveBar


class AblateProgress(LiveBar):
    """Tells how many units are done and how long the rest will take. Failures are always told."""

    def __init__(self, total: int, *, quiet: bool) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import TimeRemainingColumn as Remaining

        super().__init__(quiet=quiet, line_every_s=10.0)
        self._total = total
        self._done = 0
        self.show(
            TextColumn("[bold]variants × clips × seeds[/]"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            Remaining(),
            TextColumn("[dim]{task.fields[last]}"),
            total=total,
        )

    def advance(self, text: str, *, failed: bool = False) -> None:
        """One unit is finished."""
        self._done += 1
        if failed:
            self.console.print(f"[yellow]failed[/] {escape(text)}", soft_wrap=True)
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, advance=1, last=escape(text[:56]))
        elif self.line_is_due() or (self._done == self._total and not self.quiet):
            self.console.print(f"{self._done}/{self._total} units, {text}", markup=False, soft_wrap=True)
