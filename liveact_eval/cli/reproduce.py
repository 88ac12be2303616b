"""`liveact-eval reproduce`."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from liveact_eval.cards.model import ModelCard


class Form(str, enum.Enum):
    """How the page is written."""

    md = "md"
    html = "html"
    json = "json"


def reproduce(
    table: Annotated[
        str,
        typer.Argument(
            help="A published table, such as liveact/table2, knot_forcing/table1, avatar_forcing/table1, or all.",
            show_default=False,
        ),
    ],
    run: Annotated[
        list[Path] | None,
        typer.Option(
            "--run",
            help="Finished run whose numbers stand beside the paper's, or folder of [bold]bench[/]; repeatable.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder for the page. Without it the page goes to the output."),
    ] = None,
    form: Annotated[
        Form, typer.Option("--format", help="md: Markdown; html: one file; json: every cell.")
    ] = Form.md,
) -> None:
    """A paper's table beside what was measured here: each cell with the difference, or with why it is empty and what
    would fill it (weights, data, GPU, command). Numbers of the embedded tier (mini) never fill a cell.

    Examples:

        liveact-eval reproduce liveact/table2

        liveact-eval reproduce liveact/table2-hdtf --run runs/hdtf-liveact

        liveact-eval reproduce liveact/table3             # operations: published, by rule, counted

        liveact-eval reproduce liveact/table3 --run runs/bench-liveact

        liveact-eval reproduce all --format html --out runs/papers
    """
    from liveact_eval.cli.console import stdout, write_text
    from liveact_eval.reproducing.benches import is_bench, open_benches
    from liveact_eval.reproducing.named import ALL, find_tables
    from liveact_eval.reproducing.needs import needs_of_this_machine
    from liveact_eval.reproducing.page import make_page, render
    from liveact_eval.reproducing.runs import open_runs

    tables, folders = find_tables(table), run or []
    runs = open_runs([folder for folder in folders if not is_bench(folder)])
    benches = open_benches([folder for folder in folders if is_bench(folder)])
    count = None if table == ALL else _count
    text = render(make_page(tables, runs, needs_of_this_machine(), count, benches), form.value)
    if out is None:
        write_text(text.rstrip("\n"))
        return
    from liveact_eval import files

    path = out / f"reproduce.{form.value}"
    files.write_text(path, text)
    stdout().print(str(path), markup=False, soft_wrap=True)


def _count(card: ModelCard, size: tuple[int, int]) -> float:
    """The transformer's operations per frame, in TFLOP: half a minute of work for the published model."""
    from liveact_eval.cli.console import stderr
    from liveact_eval.efficiency.operations import count_steady_block

    with stderr().status(f"counting the operations of {card.title} at {size[0]}x{size[1]}"):
        return count_steady_block(card, size).dit_tflop_per_frame
