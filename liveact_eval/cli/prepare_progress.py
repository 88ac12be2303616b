"""Progress of preparing a dataset: a bar on a terminal, plain lines in a pipe, nothing when quiet."""

from __future__ import annotations

from collections import Counter
from types import TracebackType
from typing import TYPE_CHECKING

from rich.markup import escape

from liveact_eval.cli.live_bar import LiveBar

if TYPE_CHECKING:
    from liveact_eval.datasets.preparing.rows import ClipRow


class PrepareProgress(LiveBar):
    """Tells how many clips are settled. What failed is always told, each on a line of its own."""

    def __init__(self, doing: str, *, quiet: bool) -> None:
        super().__init__(quiet=quiet, line_every_s=10.0)
        self._doing, self._total = doing, 0
        self._counts: Counter[str] = Counter()
        self.show_counted(doing, total=None)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, value, trace)
        if self.bar is None and not self.quiet:
            self._line()

    def begin(self, total: int, done: int) -> None:
        """So many clips are wanted, so many are ready already."""
        self._total = total
        self._counts["ready"] += done
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, total=total, completed=done)

    def video(self, name: str, how: str) -> None:
        """A video is begun."""
        self._last(f"{name} ({how})")

    def clip(self, row: ClipRow) -> None:
        """A clip is settled."""
        self._counts[row.status] += 1
        if row.status != "ready":
            text = f"{row.clip_id}: {row.reason}: {row.message}"
            self.console.print(f"[yellow]{row.status}[/] {escape(text)}", soft_wrap=True)
        self._advance(row.clip_id)

    def checking(self, clip: str, of: int) -> None:
        """One of so many clips is about to be looked at."""
        if not self._total:
            self.begin(of, 0)
        self._counts["looked at"] += 1
        self._advance(clip)

    def _advance(self, last: str) -> None:
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, advance=1, last=escape(last[:48]))
        elif self.line_is_due():
            self._line()

    def _last(self, text: str) -> None:
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, last=escape(text[:48]))

    def _line(self) -> None:
        counts = ", ".join(f"{count} {name}" for name, count in self._counts.items() if count)
        self.console.print(f"{self._doing}: {counts or 'nothing yet'}, of {self._total}", markup=False)
