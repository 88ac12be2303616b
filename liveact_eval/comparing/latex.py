"""The comparison as a LaTeX table that compiles as it is, with booktabs."""

from __future__ import annotations

from liveact_eval.comparing.schema import Comparison
from liveact_eval.comparing.sheet import MISSING, Cell, conditions, marks, rules, sheet_of, title_of
from liveact_eval.reporting.tables import tex_text

_ARROWS = {"up": r" $\uparrow$", "down": r" $\downarrow$", "none": ""}
_LAST_LETTER = 0x17F
"""pdfTeX knows the letters of Latin-1 and Latin Extended-A by itself."""


def latex(comparison: Comparison) -> str:
    """A `tabular`: arrows for direction, bold for the best beyond doubt, underlined for the second best."""
    sheet = sheet_of(comparison)
    heads = [_safe(title) for title in sheet.columns]
    body = []
    for metric, (_, cells) in zip(comparison.metrics, sheet.rows, strict=True):
        title = _safe(title_of(metric, "")) + _ARROWS[metric.direction]
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
            f"{_safe(sheet.corner)} & " + " & ".join(heads) + r" \\",
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


def _safe(text: str) -> str:
    """A text as LaTeX shows it; letters that a plain document has no font for become question marks."""
    shown = tex_text(text.replace("°", "\ue000"))
    shown = shown.replace("\ue000", r"$^\circ$")
    return "".join(character if ord(character) <= _LAST_LETTER else "?" for character in shown)
