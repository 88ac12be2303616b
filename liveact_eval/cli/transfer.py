"""Progress of fetching and checking files, by bytes: a bar on a terminal, plain lines in a pipe."""

from __future__ import annotations

from liveact_eval.cli.live_bar import LiveBar

_GIB = 2.0**30


class TransferProgress(LiveBar):
    """Tells how far a file is. Notes are always told, each on a line of its own."""

    def __init__(self, *, quiet: bool) -> None:
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        super().__init__(quiet=quiet, line_every_s=10.0)
        self._doing, self._name, self._total, self._done = "", "", 0, 0
        self.show(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            total=None,
            visible=False,
        )

    def begin(self, doing: str, name: str, total: int) -> None:
        """A file is begun."""
        self._doing, self._name, self._total, self._done = doing, name, total, 0
        if self.bar is not None and self.task is not None:
            self.bar.reset(self.task, total=total, description=f"{doing} {name}", visible=True)
        elif not self.quiet:
            self._line()

    def advance(self, count: int) -> None:
        """So many more bytes are done; fewer than none when some are done again."""
        self._done += count
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, advance=count)
        elif self.line_is_due():
            self._line()

    def note(self, text: str) -> None:
        """Something worth knowing."""
        self.console.print(text, markup=False, soft_wrap=True)

    def _line(self) -> None:
        size = f"{self._done / _GIB:.2f} of {self._total / _GIB:.2f} GiB"
        self.console.print(f"{self._doing} {self._name}: {size}", markup=False, soft_wrap=True)
