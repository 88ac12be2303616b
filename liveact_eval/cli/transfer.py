"""Progress of fetching and checking files, by bytes: a bar on a terminal, plain lines in a pipe."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from liveact_eval.cli.console import stderr

_LINE_EVERY_S = 10.0
_GIB = 2.0**30


class TransferProgress:
    """Tells how far a file is. Notes are always told, each on a line of its own."""

    def __init__(self, *, quiet: bool) -> None:
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        self._console = stderr()
        self._quiet = quiet
        self._doing, self._name, self._total, self._done = "", "", 0, 0
        self._told = time.monotonic()
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        wanted = sys.stderr.isatty() and not quiet
        self._bar = Progress(*columns, console=self._console) if wanted else None
        self._task = None if self._bar is None else self._bar.add_task("", total=None, visible=False)

    def __enter__(self) -> TransferProgress:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def begin(self, doing: str, name: str, total: int) -> None:
        """A file is begun."""
        self._doing, self._name, self._total, self._done = doing, name, total, 0
        if self._bar is not None and self._task is not None:
            self._bar.reset(self._task, total=total, description=f"{doing} {name}", visible=True)
        else:
            self._line()

    def advance(self, count: int) -> None:
        """So many more bytes are done; fewer than none when some are done again."""
        self._done += count
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, advance=count)
        elif time.monotonic() - self._told > _LINE_EVERY_S:
            self._line()

    def note(self, text: str) -> None:
        """Something worth knowing."""
        self._console.print(text, markup=False, soft_wrap=True)

    def _line(self) -> None:
        self._told = time.monotonic()
        if not self._quiet:
            size = f"{self._done / _GIB:.2f} of {self._total / _GIB:.2f} GiB"
            self._console.print(f"{self._doing} {self._name}: {size}", markup=False, soft_wrap=True)
