"""`liveact-eval parity`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from liveact_eval.cli import options
from liveact_eval.cli.console import stderr, stdout, write_json
from liveact_eval.errors import ExitCode

if TYPE_CHECKING:
    from liveact_eval.parity.vectors import FileResult


def parity(
    folder: Annotated[
        Path,
        typer.Argument(help="Folder of reference vectors, with its vectors.json.", show_default=False),
    ],
    tolerance: Annotated[
        float | None,
        typer.Option(
            "--tolerance",
            min=0.0,
            help="Largest absolute difference for all tensors. Default: that of each tensor, mostly 5e-5.",
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Check this installation against numbers of the reference implementation.

    Every file of the folder is replayed on the CPU. Ends with 0 when all agree, with 1 otherwise.

    Examples:

        liveact-eval parity path/to/vectors

        liveact-eval parity path/to/vectors --tolerance 1e-4 --json
    """
    from liveact_eval.parity.run import folder_kind, replay_folder

    kind = folder_kind(folder)
    told = stderr()
    results = []
    for result in replay_folder(folder, tolerance=tolerance):
        results.append(result)
        told.print(f"{result.file}: {'pass' if result.passed else 'FAIL'}", markup=False, soft_wrap=True)
    passed = all(result.passed for result in results) and bool(results)
    if as_json:
        rows = [_row(result) for result in results]
        write_json({"folder": str(folder), "kind": kind, "passed": passed, "files": rows})
    else:
        _print_table(results)
        failed = sum(not result.passed for result in results)
        verdict = "all agree" if passed else f"{failed} of {len(results)} files do not agree"
        stdout().print(f"{kind}: {verdict}", markup=False)
    if not passed:
        raise typer.Exit(ExitCode.GATE)


def _row(result: FileResult) -> dict[str, Any]:
    worst = result.worst
    return {
        "file": result.file,
        "passed": result.passed,
        "checked": result.checked,
        "loaded": result.loaded,
        "largest_difference": worst.largest if worst and math.isfinite(worst.largest) else None,
        "tolerance": worst.tolerance if worst else None,
        "worst_tensor": worst.key if worst else None,
        "unreplayed": list(result.unreplayed),
        "problem": _problem(result),
    }


def _problem(result: FileResult) -> str | None:
    """What went wrong, where it is not a plain difference of numbers."""
    if result.problem is not None:
        return result.problem
    if result.worst is not None and result.worst.problem is not None:
        return result.worst.problem
    if result.unreplayed:
        some = ", ".join(result.unreplayed[:3])
        more = len(result.unreplayed) - 3
        return f"not replayed: {some}{f' and {more} more' if more > 0 else ''}"
    return None if result.passed or result.checked else "no tensor was compared"


def _print_table(results: list[FileResult]) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for title in ("file", "compared", "loaded", "largest difference", "tolerance", "verdict"):
        table.add_column(
            title, no_wrap=title == "file", justify="left" if title in ("file", "verdict") else "right"
        )
    for result in results:
        worst = result.worst
        numeric = worst is not None and math.isfinite(worst.largest)
        table.add_row(
            escape(result.file),
            str(result.checked),
            str(result.loaded),
            f"{worst.largest:.1e}" if worst is not None and numeric else "–",
            f"{worst.tolerance:g}" if worst is not None else "–",
            escape(_verdict(result)),
        )
    stdout().print(table)


def _verdict(result: FileResult) -> str:
    if result.passed:
        return "pass"
    failing = result.worst.key if result.worst is not None and not result.worst.passed else None
    parts = [part for part in (failing, _problem(result)) if part]
    return f"FAIL: {': '.join(parts)}"
