"""The comparison as a LaTeX table that compiles as it is, with booktabs."""

from __future__ import annotations

from liveact_eval.comparing.schema import Comparison
from liveact_eval.comparing.sheet import MISSING, Cell, conditions, marks, rules, sheet_of, title_of
from liveact_eval.reporting.tex import tex_text

_ARROWS = {"up": r" $\uparrow$", "down": r" $\downarrow$", "none": ""}


def latex(comparison: Comparison) -> str:
    """A `tabular`: arrows for direction, bold for the best beyond doubt, underlined for the second best."""
    sheet = sheet_of(comparison)
    heads = [tex_text(title) for title in sheet.columns]
    body = []
    for metric, (_, cells) in zip(comparison.metrics, sheet.rows, strict=True):
        title = tex_text(title_of(metric, "")) + _ARROWS[metric.direction]
        body.append(f"{title} & " + " & ".join(map(_shown, cells)) + r" \\")
    said = [conditions(comparison), rules(comparison)]
    if any("second" in marks(comparison, metric).values() for metric in comparison.metrics):
        said.append("Underlined is the second best value.")
    # A comment ends with its line, whatever a name holds.
    comments = ["% Needs \\usepackage{booktabs}.", *("% " + " ".join(line.split()) for line in said)]
    return "\n".join(
        [
            *comments,
            r"\begin{tabular}{l" + "r" * len(heads) + "}",
            r"\toprule",
            f"{tex_text(sheet.corner)} & " + " & ".join(heads) + r" \\",
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            "",
        ]
    )


def _shown(cell: Cell) -> str:
    text = cell.text.replace(MISSING, "--")
    if cell.mark == "best":
        text = rf"\textbf{{{text}}}"
    elif cell.mark == "second":
        text = rf"\underline{{{text}}}"
    return text if cell.spread is None else rf"{text} {{\scriptsize$\pm$\,{cell.spread}}}"
