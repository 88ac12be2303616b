"""One page of published tables beside measurements: as Markdown, as HTML without anything beside it, as JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import liveact_eval
from liveact_eval.cards.paper import PaperTable
from liveact_eval.reporting.numbers import ARROWS
from liveact_eval.reproducing import benches_text, operations_text
from liveact_eval.reproducing.absence import Absence
from liveact_eval.reproducing.benches import Bench, TimedRow, timed_rows
from liveact_eval.reproducing.cells import Cell, Printed, cells_of
from liveact_eval.reproducing.findings import Finding, findings_of
from liveact_eval.reproducing.named import data_of, short_name
from liveact_eval.reproducing.needs import Needs, lines_of
from liveact_eval.reproducing.operations import Count, Operations, operations_of
from liveact_eval.reproducing.runs import Run

Format = Literal["md", "html", "json"]
PAGE_VERSION = 1
"""Version of the JSON page."""
INTRODUCTION = (
    "Numbers of the papers are as printed. Beside each stands what was measured here and the difference to the printed "
    "number, or a mark that leads to the reason why there is none and to what would fill the cell. Nothing is filled "
    "in: a paper rarely states how clips, frames and crops were chosen, so a difference is not a refutation."
)


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why cells of a table are empty, once for all that share it."""

    mark: int
    """Number by which the cells refer to it."""
    code: str
    detail: str
    fill: tuple[str, ...]
    command: str | None
    """What measures them; of several systems, the first."""
    likewise: int
    """Number of other systems that need the same command with their own name."""
    cells: int
    """Number of cells."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A cell as it is shown."""

    cell: Cell
    published: str
    measured: str | None
    """Value with its interval; `None` where nothing was measured."""
    difference: str | None
    title: str
    """What stands behind it, for a tooltip."""
    mark: int | None
    """Number of the reason why nothing was measured."""


@dataclass(frozen=True, kw_only=True)
class Section:
    """One published table on the page."""

    table: PaperTable
    name: str
    heading: str
    clips: str | None
    """Which clips, how many, of which size."""
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Entry, ...]], ...]
    reasons: tuple[Reason, ...]
    filled: int
    """Cells with a measurement."""
    cells: int
    operations: Operations | None
    """The column of operations by every rule; `None` where the table has none."""
    timed: tuple[TimedRow, ...]
    """Speed as benchmarks measured it."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """All that is shown."""

    sections: tuple[Section, ...]
    findings: tuple[Finding, ...]
    runs: tuple[str, ...]
    """What was looked at: name, dataset and tier of each run."""

    @property
    def filled(self) -> int:
        """Cells with a measurement."""
        return sum(section.filled for section in self.sections)

    @property
    def cells(self) -> int:
        """All cells."""
        return sum(section.cells for section in self.sections)


def make_page(
    tables: Sequence[PaperTable],
    runs: Sequence[Run],
    needs: Needs,
    count: Count | None = None,
    benches: Sequence[Bench] = (),
) -> Page:
    """Tables beside runs; without any run each cell says what it takes.

    Args:
        tables: published tables.
        runs: finished runs.
        needs: what this machine has.
        count: counts the operations of native models; `None`: they stand there by formula alone.
        benches: finished benchmarks, whose rows stand beside those of tables about speed.
    """
    timed = [timed_rows(table, benches) for table in tables]
    return Page(
        sections=tuple(
            _section(
                table,
                cells_of(table, runs, needs, {row.model for row in rows}),
                operations_of(table, count),
                rows,
            )
            for table, rows in zip(tables, timed, strict=True)
        ),
        findings=tuple(findings_of(tables)),
        runs=tuple(
            f"{run.results.name}: {run.results.dataset_title}, protocol {run.results.protocol}"
            + (" (mini)" if run.results.tier == "mini" else "")
            for run in runs
        )
        + tuple(_said(bench, timed) for bench in benches),
    )


def render(page: Page, form: Format) -> str:
    """The page as text."""
    if form == "json":
        return json.dumps(as_content(page), indent=1, ensure_ascii=False) + "\n"
    if form == "html":
        from liveact_eval.html_report.rendering import render_page

        values = {
            "page": page,
            "introduction": INTRODUCTION,
            "operations": operations_text,
            "speed": benches_text,
            "version": liveact_eval.__version__,
        }
        return render_page("reproduce.html.j2", values)
    return markdown(page)


def as_content(page: Page) -> dict[str, Any]:
    """The page as JSON can hold it: every cell with all that is known about it."""
    return {
        "page_version": PAGE_VERSION,
        "runs": list(page.runs),
        "filled": page.filled,
        "cells": page.cells,
        "tables": [
            {
                "name": section.name,
                "id": section.table.id,
                "paper": section.table.paper,
                "table": section.table.table,
                "dataset": section.table.dataset,
                "notes": list(section.table.notes),
                "doubts": list(section.table.doubts),
                "operations": operations_text.content(section.operations),
                "measured_speed": [dataclasses.asdict(row) for row in section.timed],
                "cells": [
                    dataclasses.asdict(entry.cell) | {"absence": _absence(entry.cell.absence)}
                    for _, entries in section.rows
                    for entry in entries
                ],
            }
            for section in page.sections
        ],
        "findings": [dataclasses.asdict(finding) for finding in page.findings],
    }


def markdown(page: Page) -> str:
    """The page for people and repositories."""
    lines = ["# Published tables beside measurements", "", INTRODUCTION, ""]
    lines += [f"- Run {run}" for run in page.runs] or ["No run was given."]
    lines += ["", f"{page.filled} of {page.cells} cells are measured.", ""]
    for section in page.sections:
        lines += [f"## {section.name}", "", f"{_escaped(section.heading)}."]
        if section.clips:
            lines[-1] += f" {_escaped(section.clips)}."
        lines.append("")
        if not section.rows:
            lines += ["The body of this table is not known.", ""]
        else:
            lines.append("| published → measured | " + " | ".join(map(_escaped, section.columns)) + " |")
            lines.append("|:---|" + "---:|" * len(section.columns))
            for model, entries in section.rows:
                lines.append(
                    f"| {_escaped(model)} | " + " | ".join(_shown(entry) for entry in entries) + " |"
                )
            lines.append("")
        if section.operations is not None:
            lines += operations_text.markdown_lines(section.operations)
        lines += benches_text.markdown_lines(section.timed)
        for reason in section.reasons:
            lines.append(f"- [{reason.mark}] Not measured ({reason.code}): {_escaped(reason.detail)}.")
            lines += [f"  - {_escaped(need)}" for need in reason.fill]
            if reason.command:
                more = f" (likewise for {reason.likewise} others)" if reason.likewise else ""
                lines.append(f"  - then: `{reason.command}`{more}")
        lines += [f"- Note: {_escaped(note)}" for note in section.table.notes]
        lines += [f"- Doubt: {_escaped(doubt)}" for doubt in section.table.doubts]
        if lines[-1]:
            lines.append("")
    if page.findings:
        lines += ["## Findings about the papers' own numbers", ""]
        lines += [
            f"{number}. {finding.paper}, Table {finding.table} (`{finding.name}`): {_escaped(finding.text)}"
            for number, finding in enumerate(page.findings, 1)
        ]
    return "\n".join(lines).rstrip() + "\n"


def _said(bench: Bench, timed: Sequence[Sequence[TimedRow]]) -> str:
    """A benchmark in a line, and whether it is of any use here."""
    made = bench.efficiency
    used = any(row.bench == made.name for rows in timed for row in rows)
    return f"{made.name}: benchmark of {made.title}" + (
        "" if used else ", which no row of speed here is about"
    )


def _section(
    table: PaperTable, cells: Sequence[Cell], operations: Operations | None, timed: tuple[TimedRow, ...]
) -> Section:
    reasons = _reasons(cells)
    marks = {key: reason.mark for key, reason in reasons.items()}
    columns = [
        f"{metric.name}{f' ({part})' if part else ''}{_unit(metric.unit)} {ARROWS[metric.direction]}".rstrip()
        for metric in table.metrics
        for part in (("total", "last") if metric.split else ("",))
    ]
    rows = []
    for row in table.rows:
        own = [cell for cell in cells if cell.model == row.model]
        rows.append((row.model, tuple(_entry(cell, marks) for cell in own)))
    data, facts = data_of(table), []
    if data is not None:
        facts.append(data.words)
    if table.n_videos is not None:
        facts.append(f"{table.n_videos} videos")
    if table.resolution is not None:
        facts.append(table.resolution)
    return Section(
        table=table,
        name=short_name(table),
        heading=f"{table.paper}, Table {table.table}: {table.caption}",
        clips=", ".join(facts) or None,
        columns=tuple(columns),
        rows=tuple(rows),
        reasons=tuple(reasons.values()),
        filled=sum(cell.measured is not None for cell in cells),
        cells=len(cells),
        operations=operations,
        timed=timed,
    )


_Key = tuple[str, str, bool]


def _key(absence: Absence) -> _Key:
    """Systems that run here are told apart from those whose videos have to come from elsewhere."""
    return (absence.reason, absence.detail, absence.fill.videos_of is not None)


def _reasons(cells: Sequence[Cell]) -> dict[_Key, Reason]:
    groups: dict[_Key, list[Absence]] = {}
    for cell in cells:
        if cell.absence is not None:
            groups.setdefault(_key(cell.absence), []).append(cell.absence)
    found = {}
    for mark, (key, members) in enumerate(groups.items(), 1):
        commands = [member.fill.command for member in members if member.fill.command is not None]
        metrics = list(dict.fromkeys(command.metric for command in commands))
        starts = dict.fromkeys(command.start for command in commands)
        found[key] = Reason(
            mark=mark,
            code=key[0],
            detail=key[1],
            fill=tuple(lines_of([member.fill for member in members])),
            command=commands[0].text(metrics) if commands else None,
            likewise=max(0, len(starts) - 1),
            cells=len(members),
        )
    return found


def _entry(cell: Cell, marks: dict[_Key, int]) -> Entry:
    measured = difference = mark = None
    if cell.measured is not None:
        value = cell.measured
        digits = max(_digits(cell.published), 2)
        measured = f"{value.value:.{digits}f}"
        if value.ci_low is not None and value.ci_high is not None:
            measured += f" [{value.ci_low:.{digits}f}, {value.ci_high:.{digits}f}]"
        if cell.difference is not None:
            difference = f"{cell.difference:+.{digits}f}"
        title = "\n".join(
            [
                f"run {value.run}, protocol {value.protocol}, recipe {value.recipe}, n = {value.n}/{value.n_total}",
                *value.conditions,
            ]
        )
    elif cell.absence is not None:
        mark = marks[_key(cell.absence)]
        title = f"not measured ({cell.absence.reason}): {cell.absence.detail}"
    else:
        raise ValueError(f"cell {cell.model!r}, {cell.metric!r} has neither a number nor a reason")
    return Entry(
        cell=cell,
        published=_printed(cell.published),
        measured=measured,
        difference=difference,
        title=title,
        mark=mark,
    )


def _absence(absence: Absence | None) -> dict[str, Any] | None:
    if absence is None:
        return None
    command = absence.fill.command
    return {
        "reason": absence.reason,
        "detail": absence.detail,
        "fill": lines_of([absence.fill]),
        "command": command.text() if command else None,
    }


def _shown(entry: Entry) -> str:
    if entry.measured is None:
        return f"{entry.published} → – [{entry.mark}]"
    difference = f" ({entry.difference})" if entry.difference else ""
    return f"{entry.published} → **{entry.measured}**{difference}"


def _printed(value: Printed) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value}"


def _digits(value: Printed) -> int:
    """Decimals of a printed number, as far as the file kept them."""
    text = f"{value}"
    return len(text.partition(".")[2]) if isinstance(value, float) else 0


def _unit(unit: str) -> str:
    return f" [{unit}]" if unit and unit != "boolean" else ""


def _escaped(text: str) -> str:
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|")
