"""The comparison in Markdown, and tables read back from it."""

from __future__ import annotations

import re

from liveact_eval.comparing.schema import Comparison
from liveact_eval.comparing.sheet import MISSING, Cell, Mark, Sheet, conditions, rules, sheet_of, title_of
from liveact_eval.errors import UserError
from liveact_eval.reporting.numbers import ARROWS, number

_MARKS: dict[Mark, tuple[str, str]] = {"best": ("**", "**"), "second": ("<ins>", "</ins>"), "": ("", "")}


def markdown(comparison: Comparison) -> str:
    """The table with its conditions, what a reader must know, and every paired difference."""
    lines = [table(sheet_of(comparison)), conditions(comparison), rules(comparison)]
    notes = _notes(comparison)
    if notes:
        lines += ["", *(f"- {note}." for note in notes)]
    return "\n".join([*lines, *_differences(comparison)]) + "\n"


def table(sheet: Sheet) -> str:
    """A sheet as a Markdown table."""
    lines = [_line([sheet.corner, *sheet.columns]), "|:---|" + "---:|" * len(sheet.columns)]
    lines += [_line([title, *map(_shown, cells)], escape=1) for title, cells in sheet.rows]
    return "\n".join(lines) + "\n"


def read_table(text: str) -> Sheet:
    """The first table of a Markdown text, as `table` writes it.

    Raises:
        UserError: there is none.
    """
    lines = [line for line in text.splitlines() if line.startswith("|")]
    if len(lines) < 2 or not lines[1].startswith("|:---|"):
        raise UserError("No table found. Expected Markdown as liveact-eval compare --format md prints it.")
    corner, *columns = _split(lines[0])
    count = len(columns)
    rows = []
    for line in lines[2:]:
        title, *cells = _split(line)
        if len(cells) != count or cells[:1] == ["---:"]:
            break
        rows.append((title, tuple(_read(cell) for cell in cells)))
    return Sheet(corner, tuple(columns), tuple(rows))


def _notes(comparison: Comparison) -> list[str]:
    """Notes, and why cells are empty."""
    titles = {column.key: column.title for column in comparison.columns}
    found: dict[tuple[str, str], list[str]] = {}
    for metric in comparison.metrics:
        for value in comparison.values:
            if value.metric == metric.key and value.value is None:
                found.setdefault((value.column, value.reason or "unknown"), []).append(metric.title)
    empty = [f"{titles[column]} has no {', '.join(names)} ({why})" for (column, why), names in found.items()]
    return [escaped(note) for note in comparison.notes + empty]


def _differences(comparison: Comparison) -> list[str]:
    titles = {column.key: escaped(column.title) for column in comparison.columns}
    metrics = {metric.key: metric for metric in comparison.metrics}
    lines: list[str] = []
    for pair in dict.fromkeys((item.column, item.other) for item in comparison.differences):
        one, other = titles[pair[0]], titles[pair[1]]
        lines += ["", f"## {one} against {other}", "", f"| | difference | interval | n | p | {one} is |"]
        lines.append("|:---|---:|---:|---:|---:|:---|")
        for item in comparison.differences:
            metric = metrics[item.metric]
            if (item.column, item.other) != pair:
                continue
            interval = MISSING
            if item.ci_low is not None:
                interval = f"{number(item.ci_low, metric.digits)} to {number(item.ci_high, metric.digits)}"
            p = MISSING if item.p_corrected is None else _probability(item.p_corrected)
            said = item.verdict or item.reason or "not a score"
            title = escaped(title_of(metric, ARROWS[metric.direction]))
            difference = number(item.difference, metric.digits)
            lines.append(f"| {title} | {difference} | {interval} | {item.n} | {p} | {said} |")
    return lines


def _probability(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _shown(cell: Cell) -> str:
    before, after = _MARKS[cell.mark]
    spread = "" if cell.spread is None else f" ± {cell.spread}"
    return f"{before}{cell.text}{after}{spread}"


def _read(text: str) -> Cell:
    value, _, spread = text.partition(" ± ")
    for mark, (before, after) in _MARKS.items():
        if before and value.startswith(before) and value.endswith(after):
            return Cell(value[len(before) : -len(after)], spread or None, mark)
    return Cell(value, spread or None)


# Only where it would be markup: units stay `[dB]`, and reasons `no_face`.
_SPECIAL = re.compile(r"([\\`*|<~&$]|\](?=[(\[:])|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")


def escaped(text: str) -> str:
    """Text of one line that Markdown shows as it is: names are never markup."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _line(texts: list[str], *, escape: int | None = None) -> str:
    """A line of a table; `escape`: only the first so many are names."""
    count = len(texts) if escape is None else escape
    shown = [escaped(text) if index < count else text for index, text in enumerate(texts)]
    return "| " + " | ".join(shown) + " |"


def _split(line: str) -> list[str]:
    """Cells of a line, with escapes taken away."""
    found, current, escaped = [], "", False
    for character in line.strip()[1:]:
        if escaped:
            current, escaped = current + character, False
        elif character == "\\":
            escaped = True
        elif character == "|":
            found.append(current.strip())
            current = ""
        else:
            current += character
    return found
