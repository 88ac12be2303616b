"""Progress of building an environment: the step and the last line that a program said."""

from __future__ import annotations

from liveact_eval.cli.live_bar import LiveBar

_WIDTH = 100


class BuildProgress(LiveBar):
    """Tells the step, and what goes on in it. Warnings are always told, each on a line of its own."""

    def __init__(self, *, quiet: bool) -> None:
        from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

        super().__init__(quiet=quiet, line_every_s=10.0)
        self.show(
            SpinnerColumn(),
            TextColumn("[bold]{task.description}[/]"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[last]}", markup=False),
            total=None,
        )

    def begin(self, step: str) -> None:
        """A step is begun."""
        from rich.markup import escape

        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, description=escape(step[:_WIDTH]), last="")
        elif not self.quiet:
            self.console.print(step, markup=False, soft_wrap=True)

    def line(self, text: str) -> None:
        """A program said something."""
        if text.startswith("warning: "):
            self.console.print(text, markup=False, soft_wrap=True)
        elif self.bar is not None and self.task is not None:
            self.bar.update(self.task, last=text[:_WIDTH])
        elif self.line_is_due():
            self.console.print(f"  {text[:_WIDTH]}", markup=False, soft_wrap=True)
