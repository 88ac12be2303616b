"""What stands in one table: runs under one protocol, their models as columns and their metrics as rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from liveact_eval.execution.entrants import REAL
from liveact_eval.html_report.source import Source
from liveact_eval.reporting.numbers import best_model, half_width, heading, number
from liveact_eval.results.schema import MetricRecord, ResultRow
from liveact_eval.results.videos import Pair

_DIRECTIONS = {"up": "higher is better", "down": "lower is better", "none": "not a score"}
COLOURS = 8
"""Colours of the style sheet; 0 is for real videos, and those behind the last begin again."""


@dataclass(frozen=True, kw_only=True)
class Entrant:
    """A column: one model of one run, or the real videos, which are the same in all runs of a protocol."""

    title: str
    kind: str
    colour: int
    is_real: bool
    members: tuple[tuple[Source, str], ...]
    """Where its numbers are: runs, and its name in each."""
    seconds_per_clip: float | None
    """Wall time of making a video in that run; `None` for real videos and others that were not made there."""

    def row(self, metric: str, recipe: str) -> ResultRow | None:
        """One number; `None` where no run of it has that metric by that recipe."""
        for source, model in self.members:
            for row in source.results.rows:
                if (row.model, row.metric, row.recipe) == (model, metric, recipe):
                    return row
        return None

    def pairs(self, clip: str) -> Iterator[tuple[Source, Pair]]:
        """Where to look for a clip's video and curves."""
        for source, model in self.members:
            yield source, Pair(model, clip)


@dataclass(frozen=True, kw_only=True)
class TableCell:
    """One number of the table."""

    text: str
    value: float | None
    width: str | None
    """Half width of the interval; `None` where there is no interval."""
    share: str | None
    """`14/16` where not every clip has a number."""
    best: bool
    tip: str


@dataclass(frozen=True, kw_only=True)
class TableRow:
    """One metric."""

    record: MetricRecord
    heading: str
    tip: str
    cells: tuple[TableCell, ...]


@dataclass(frozen=True, kw_only=True)
class Board:
    """All runs under one protocol."""

    sources: tuple[Source, ...]
    entrants: tuple[Entrant, ...]
    rows: tuple[TableRow, ...]
    """Metrics that at least one model has a number for."""

    @property
    def first(self) -> Source:
        """The run that everything common is taken from: clips, protocol, dataset."""
        return self.sources[0]

    @property
    def is_mini(self) -> bool:
        """Whether the numbers are of the embedded tier."""
        return self.first.results.tier == "mini"


def make_boards(sources: Sequence[Source]) -> list[Board]:
    """Runs by protocol, in the order given: two protocols never share a table."""
    groups: dict[str, list[Source]] = {}
    for source in sources:
        groups.setdefault(source.results.protocol, []).append(source)
    return [_board(tuple(group)) for group in groups.values()]


def _board(sources: tuple[Source, ...]) -> Board:
    entrants = _entrants(sources)
    records = {(m.name, m.recipe): m for source in sources for m in source.results.metrics}
    repeated = {name for name, _ in records if sum(other == name for other, _ in records) > 1}
    rows = []
    for (name, recipe), record in records.items():
        found = [entrant.row(name, recipe) for entrant in entrants]
        if all(row is None or row.value is None for row in found):
            continue
        best = _best(sources, record)
        cells = tuple(
            _cell(record, row, best=best is not None and entrant.members[0][1] == best)
            for entrant, row in zip(entrants, found, strict=True)
        )
        title = heading(record)
        rows.append(
            TableRow(
                record=record,
                # One metric by two recipes is two rows: such numbers are not compared.
                heading=f"{title} ({recipe})" if name in repeated else title,
                tip=_metric_tip(record, found),
                cells=cells,
            )
        )
    return Board(sources=sources, entrants=entrants, rows=tuple(rows))


def _entrants(sources: tuple[Source, ...]) -> tuple[Entrant, ...]:
    groups: list[tuple[str, str, list[tuple[Source, str]]]] = []
    titles = [m.title for source in sources for m in source.results.models if m.name != REAL]
    for source in sources:
        for model in source.results.models:
            known = next((members for name, _, members in groups if name == REAL == model.name), None)
            if known is not None:
                known.append((source, model.name))
                continue
            several = titles.count(model.title) > 1
            title = f"{model.title} ({source.results.name})" if several else model.title
            groups.append((model.name, title, [(source, model.name)]))
    made, colour = [], 0
    for name, title, members in groups:
        record = next(m for m in members[0][0].results.models if m.name == members[0][1])
        if name != REAL:
            colour = colour % (COLOURS - 1) + 1
        clips = len(members[0][0].results.clips)
        seconds = record.generation_seconds / clips if clips and record.generation_seconds > 0 else None
        made.append(
            Entrant(
                title=title,
                kind=record.kind,
                colour=0 if name == REAL else colour,
                is_real=name == REAL,
                members=tuple(members),
                seconds_per_clip=None if name == REAL else seconds,
            )
        )
    return tuple(made)


def _best(sources: tuple[Source, ...], record: MetricRecord) -> str | None:
    """The best beyond doubt; between runs that takes a paired comparison, which `compare` makes."""
    if len(sources) > 1:
        return None
    results = sources[0].results
    return best_model(results, record, among=[m.name for m in results.models if m.name != REAL])


def _cell(record: MetricRecord, row: ResultRow | None, *, best: bool) -> TableCell:
    if row is None:
        return TableCell(
            text="–", value=None, width=None, share=None, best=False, tip="this run was made without it"
        )
    width = half_width(row)
    reasons = ", ".join(f"{reason} {count}" for reason, count in row.failures.items())
    lines = [f"n = {row.n}/{row.n_total} clips, {row.n_speakers} speakers"]
    if row.ci_low is not None and row.ci_high is not None:
        low, high = number(row.ci_low, record.digits), number(row.ci_high, record.digits)
        lines.append(f"interval {low} to {high}")
    if reasons:
        lines.append(f"without a number: {reasons}")
    if row.value is None and row.value_reason:
        lines.append(f"not measured: {row.value_reason}")
    if row.note:
        lines.append(row.note)
    return TableCell(
        text=number(row.value, record.digits),
        value=row.value,
        width=None if width is None else number(width, record.digits),
        share=f"{row.n}/{row.n_total}" if row.n < row.n_total else None,
        best=best,
        tip="\n".join(lines),
    )


def _metric_tip(record: MetricRecord, rows: Sequence[ResultRow | None]) -> str:
    counts = sorted({f"{row.n}/{row.n_total}" for row in rows if row is not None})
    lines = [
        _DIRECTIONS[record.direction],
        f"recipe {record.recipe}",
        f"n = {', '.join(counts)}",
    ]
    if record.best is not None:
        lines.append(f"perfect: {record.best:g}")
    if record.giver is not None:
        lines.append(f"liveact-eval metrics show {record.giver}")
    return "\n".join(lines)
