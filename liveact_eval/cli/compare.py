"""`liveact-eval compare`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from liveact_eval.cli.console import stderr, write_text

if TYPE_CHECKING:
    from liveact_eval.comparing.schema import Comparison


class Format(str, Enum):
    """How a comparison is printed."""

    MD = "md"
    TEX = "tex"
    CSV = "csv"
    JSON = "json"


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="Run folders, or results.json files.", show_default=False),
    ],
    form: Annotated[
        Format,
        typer.Option(
            "--format",
            "-f",
            help="md: table and differences; tex: booktabs; csv: one line per value; json: everything.",
        ),
    ] = Format.MD,
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            "--metrics",
            "-m",
            help="Names separated by commas; fewer metrics, fewer comparisons to correct for.",
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option("--against", help="Model that every other is compared with. Default: each with each."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder to write the table in all formats to.")
    ] = None,
) -> None:
    """Put several runs into one table, on the clips that all of them share.

    Differences are paired by clip; "better" and "worse" hold after Holm's correction for all comparisons of the table.
    Runs under two protocols are refused.

    Examples:

        liveact-eval compare runs/ours runs/theirs

        liveact-eval compare runs/ours runs/theirs --metrics sync,csim,fid --format tex > table.tex

        liveact-eval compare runs/seed0 runs/seed1 --against liveact-mini@seed0 --out tables
    """
    from liveact_eval.comparing.build import compare_runs
    from liveact_eval.comparing.runs import open_run

    names = [name.strip() for text in metrics or [] for name in text.split(",") if name.strip()]
    found = compare_runs([open_run(path) for path in dict.fromkeys(runs)], names, against)
    if out is not None:
        from liveact_eval.files import write_text as write_file

        for name, text in _files(found).items():
            write_file(out / name, text)
            stderr().print(f"  {out / name}", soft_wrap=True, markup=False)
    write_text(_printed(found, form).rstrip("\n"))


def _printed(comparison: Comparison, form: Format) -> str:
    from liveact_eval.comparing.latex import latex
    from liveact_eval.comparing.markdown import markdown
    from liveact_eval.comparing.tabular import values_csv

    if form is Format.MD:
        return markdown(comparison)
    if form is Format.TEX:
        return latex(comparison)
    return values_csv(comparison) if form is Format.CSV else comparison.model_dump_json(indent=1)


def _files(comparison: Comparison) -> dict[str, str]:
    from liveact_eval.comparing.tabular import differences_csv

    texts = {f"comparison.{form.value}": _printed(comparison, form).rstrip("\n") + "\n" for form in Format}
    return texts | {"differences.csv": differences_csv(comparison)}
