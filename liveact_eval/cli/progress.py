"""Progress of a run: a bar on a terminal, plain lines in a pipe, nothing when quiet."""

from __future__ import annotations

import time
from types import TracebackType

from rich.markup import escape

from liveact_eval.cli.live_bar import LiveBar


class RunProgress(LiveBar):
    """Tells how far a run is. Failures are always told, each on a line of its own."""

    def __init__(self, total: int, *, quiet: bool) -> None:
        super().__init__(quiet=quiet, line_every_s=5.0)
        self._total = total
        self._done = self._failed = self._before = 0
        self.show_counted("clips × models", total=total, rate=True)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, value, trace)
        if self.bar is None and not self.quiet:
            self._line()

    def advance(self, text: str, *, failed: bool = False) -> None:
        """One (clip, model) pair is finished."""
        self._done += 1
        self._failed += failed
        self._before += text.endswith("done before")
        if failed:
            self.console.print(f"[yellow]failed[/] {escape(text)}", soft_wrap=True)
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, advance=1, last=escape(text[:48]), rate=self._rate())
        elif self.line_is_due():
            self._line()

    def _rate(self) -> str:
        fresh, seconds = self._done - self._before, time.monotonic() - self.started
        if not fresh or seconds <= 0:
            return ""
        return f"{fresh / seconds:.1f}/s" if fresh > seconds / 10 else f"{60 * fresh / seconds:.2g}/min"

    def _line(self) -> None:
        failed = f", {self._failed} failed" if self._failed else ""
        before = f" ({self._before} done before)" if self._before else ""
        rate = f", {self._rate()}" if self._rate() else ""
        self.console.print(f"{self._done}/{self._total} clips × models{before}{failed}{rate}")
