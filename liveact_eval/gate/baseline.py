"""The baseline: what a run gave, clip by clip, in a file that is small enough to be committed.

Its JSON Schema is published as docs/schema/baseline-1.json.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from liveact_eval.comparing.columns import CONTROL
from liveact_eval.comparing.runs import Run
from liveact_eval.errors import UserError
from liveact_eval.files import write_text
from liveact_eval.generators.settings import Setting
from liveact_eval.results.versioned import published, read_versioned

SCHEMA_VERSION = 1
_FIGURES = 6
"""Significant figures that are kept: far finer than any minimum delta, and a line stays short."""
GENERATION = "generation_s"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class BaselineRow(_Record):
    """One number of the baseline."""

    model: str
    metric: str
    title: str
    kind: Literal["quality", "performance"] = "quality"
    unit: str
    direction: Literal["up", "down", "none"]
    digits: int
    recipe: str
    value: float | None
    ci_low: float | None
    ci_high: float | None
    n: int
    n_speakers: int
    values: list[float | None] | None
    """Of each clip, in the order of the baseline's clips; `null` for a distance of sets, which no clip has."""


class Baseline(_Record):
    """What a run is held against."""

    schema_version: Literal[1] = 1
    name: str
    dataset: str
    tier: Literal["mini", "paper"]
    protocol_id: str
    protocol: dict[str, Any] | None
    """Fields of the protocol, so that a mismatch can be named."""
    confidence: float
    machine: dict[str, Any]
    """Where it was made; performance is judged on the same machine only."""
    versions: dict[str, Any]
    """Of this tool and of what decodes and computes."""
    clips: list[tuple[str, str]]
    """(id, speaker) of each clip."""
    settings: dict[str, dict[str, Setting]] = {}
    """What ran, by model; those of which nothing is known are left out."""
    rows: list[BaselineRow]


def make_baseline(run: Run, name: str, *, performance: bool = False) -> Baseline:
    """A run as a baseline.

    Args:
        run: the run; rows without a number are left out.
        name: of the baseline.
        performance: whether times of generation are kept too.

    Raises:
        UserError: times are asked for, and the run has none.
    """
    results = run.results
    rows = [
        BaselineRow(
            model=row.model,
            metric=row.metric,
            title=run.metrics[row.metric].title,
            unit=row.unit,
            direction=row.direction,
            digits=run.metrics[row.metric].digits,
            recipe=row.recipe,
            value=_rounded(row.value),
            ci_low=_rounded(row.ci_low),
            ci_high=_rounded(row.ci_high),
            n=row.n,
            n_speakers=row.n_speakers,
            values=clip_values(run, row.model, row.metric),
        )
        for row in results.rows
        if row.value is not None
    ]
    timed = performance_rows(run) if performance else []
    if performance and not timed:
        raise UserError(
            f"{run.label} has no times of generation: they are in the journal of the run that made the videos, of "
            "models that are no controls. Leave --performance out, or make the videos with liveact-eval run."
        )
    provenance = results.provenance
    return Baseline(
        name=name,
        dataset=results.dataset,
        tier=results.tier,
        protocol_id=results.protocol,
        protocol=None if run.protocol is None else run.protocol.model_dump(mode="json"),
        confidence=results.confidence,
        machine=machine_of(run),
        versions={key: provenance.get(key) for key in ("liveact_eval", "revision", "packages", "decoder")},
        clips=[(clip, run.speakers.get(clip, clip)) for clip in results.clips],
        settings={
            model.name: dict(found)
            for model in results.models
            if (found := (run.settings or {}).get(model.name))
        },
        rows=rows + timed,
    )


def performance_rows(run: Run) -> list[BaselineRow]:
    """Seconds that each clip took to make, of models that are no controls."""
    rows = []
    for record in run.results.models:
        seconds = {} if record.kind in (CONTROL, "videos") else run.generation_seconds(record.name)
        values = [_rounded(seconds.get(clip)) for clip in run.results.clips]
        known = [value for value in values if value is not None]
        if known:
            rows.append(
                BaselineRow(
                    model=record.name,
                    metric=GENERATION,
                    title="Generation",
                    kind="performance",
                    unit="s",
                    direction="down",
                    digits=3,
                    recipe="wall-time@1",
                    value=_rounded(sum(known) / len(known)),
                    ci_low=None,
                    ci_high=None,
                    n=len(known),
                    n_speakers=len({run.speakers[clip] for clip in run.results.clips if clip in seconds}),
                    values=values,
                )
            )
    return rows


def clip_values(run: Run, model: str, metric: str) -> list[float | None] | None:
    """Value of each clip of the run, rounded; `None` for a distance of sets."""
    cells = run.cells.get((model, metric), {})
    values = [_rounded(cells[clip].value) if clip in cells else None for clip in run.results.clips]
    return None if all(value is None for value in values) else values


def machine_of(run: Run) -> dict[str, Any]:
    """What times depend on: processor, cores, memory, GPUs with their driver, and the number of processes."""
    provenance: Mapping[str, Any] = run.results.provenance
    machine = provenance.get("machine")
    found = dict(machine) if isinstance(machine, dict) else {}
    return found | {"gpu": provenance.get("gpu") or [], "workers": run.workers}


def read_baseline(path: Path) -> Baseline:
    """Read a baseline.

    Raises:
        UserError: missing, damaged, changed by hand so that it does not fit together, or of a newer version.
    """
    make = "Make one with: liveact-eval check RUN --against FILE --update"
    found = read_versioned(path, Baseline, SCHEMA_VERSION, what="baseline", make=make)
    for row in found.rows:
        if row.values is not None and len(row.values) != len(found.clips):
            raise UserError(
                f"{path}: {row.metric} of {row.model} has {len(row.values)} values, and there are {len(found.clips)} "
                "clips. Write the baseline anew with --update."
            )
    return found


def write_baseline(baseline: Baseline, path: Path) -> None:
    """Write a baseline, whole or not at all: one line for each row and each clip, so that a change is easy to read."""
    content = baseline.model_dump(mode="json")
    lines = []
    for key, value in content.items():
        if key in ("rows", "clips"):
            inner = ",\n".join(f"  {json.dumps(item, ensure_ascii=False)}" for item in value)
            text = f"[\n{inner}\n ]" if value else "[]"
        else:
            text = json.dumps(value, ensure_ascii=False, sort_keys=isinstance(value, dict))
        lines.append(f" {json.dumps(key)}: {text}")
    write_text(path, "{\n" + ",\n".join(lines) + "\n}\n")


def json_schema() -> dict[str, Any]:
    """The published JSON Schema."""
    return published(Baseline, "liveact-eval baseline, version 1")


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{_FIGURES}g}")
