"""The columns of a comparison: each model of each run, a control once where all runs say the same of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from liveact_eval.comparing.runs import Run
from liveact_eval.execution.entrants import REAL
from liveact_eval.results.schema import ModelRecord

CONTROL = "control"
_AGREE = 0.05
"""Share of the last decimal shown within which two measurements of a control are the same."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A model of one run, or a control of several."""

    key: str
    title: str
    model: str
    kind: str
    runs: tuple[Run, ...]

    def giver(self, metric: str, recipe: str) -> Run | None:
        """The run that has this output by this recipe."""
        for run in self.runs:
            found = run.metrics.get(metric)
            if found is not None and found.recipe == recipe:
                return run
        return None


def columns_of(runs: Sequence[Run], clips: Sequence[str]) -> tuple[list[Column], list[str]]:
    """Columns in the order real, controls, models, and notes about controls that the runs do not agree on."""
    groups: list[tuple[ModelRecord, list[Run]]] = []
    notes = []
    for run in runs:
        for record in run.results.models:
            same = [group for group in groups if group[0].name == record.name]
            if record.kind != CONTROL or not same:
                groups.append((record, [run]))
                continue
            gaps = [_gap(group[1], run, record.name, clips) for group in same]
            agreeing = next((group for group, gap in zip(same, gaps, strict=True) if gap is None), None)
            if agreeing is not None:
                agreeing[1].append(run)
                continue
            groups.append((record, [run]))
            if record.name == REAL:
                notes.append(
                    f"The real clips do not measure the same in {same[0][1][0].label} and {run.label}: {gaps[0]}. "
                    "Their decoders or libraries differ, and part of each difference between these runs is that"
                )
    groups.sort(key=lambda group: (group[0].name != REAL, group[0].kind != CONTROL))
    names = Counter(record.name for record, _ in groups)
    titles = Counter(record.title for record, _ in groups)
    labels = _labels(runs)
    columns = []
    for record, own in groups:
        label = labels[own[0].label]
        unique = titles[record.title] == 1
        columns.append(
            Column(
                key=record.name if names[record.name] == 1 else f"{record.name}@{label}",
                title=record.title if unique else f"{record.title} ({label})",
                model=record.name,
                kind=record.kind,
                runs=tuple(own),
            )
        )
    return columns, notes


def _labels(runs: Sequence[Run]) -> dict[str, str]:
    """Names of run folders; paths as given where two folders have one name."""
    names = Counter(run.results.name for run in runs)
    return {run.label: run.results.name if names[run.results.name] == 1 else run.label for run in runs}


def _gap(known: Sequence[Run], run: Run, model: str, clips: Sequence[str]) -> str | None:
    """Where the values of a control differ between runs; `None` where all that both have are the same."""
    for other in known:
        for metric in run.results.metrics:
            theirs = other.metrics.get(metric.name)
            if theirs is None or theirs.recipe != metric.recipe:
                continue
            a, b = other.cells.get((model, metric.name), {}), run.cells.get((model, metric.name), {})
            for clip in clips:
                if clip not in a or clip not in b:
                    continue
                one, two = a[clip].value, b[clip].value
                if (one is None) != (two is None):
                    return f"{metric.title} of {clip} is {one} and {two}"
                if one is not None and two is not None and abs(one - two) > _AGREE * 10.0**-metric.digits:
                    return f"{metric.title} of {clip} is {one:.6g} and {two:.6g}"
    return None
