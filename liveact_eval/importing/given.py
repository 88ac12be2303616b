"""Numbers from elsewhere as results: rows with n, interval and reasons, and all files of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from liveact_eval.cards.protocol import Protocol
from liveact_eval.clips.clip import printable
from liveact_eval.files import write_text
from liveact_eval.measure.intervals import StatisticsConfig, draw_weights, interval_of
from liveact_eval.metrics.base import Output
from liveact_eval.results.folder import Layout, RunFolder
from liveact_eval.results.provenance import gather
from liveact_eval.results.schema import ClipValue, MetricRecord, ModelRecord, ResultRow, Results

NOT_GIVEN = "not_given"
UNKNOWN = "imported"
"""In place of the hash of a clip whose file was not seen."""
NO_CLIP_VALUES = "no value per video was given, so there is neither n nor an interval"


@dataclass(frozen=True)
class GivenValue:
    """One number of one clip, or why there is none."""

    value: float | None
    weight: float = 1.0
    """What it counts in the mean: frames, where a tool means over frames."""
    reason: str | None = None
    detail: str | None = None


@dataclass(frozen=True, kw_only=True)
class GivenRow:
    """One cell of a table: a model and a metric."""

    clips: Mapping[str, GivenValue] = field(default_factory=dict)
    """By clip id; empty where only a total was given."""
    total: float | None = None
    """The total that was given."""
    note: str | None = None
    """What a reader should know."""


@dataclass(frozen=True, kw_only=True)
class Given:
    """A table that another program made."""

    name: str
    """Name of the run."""
    dataset: str
    dataset_title: str
    tier: Literal["mini", "paper"] = "paper"
    """`mini` numbers are labelled so everywhere."""
    protocol: Protocol
    """The protocol; the name of that of an import says so."""
    protocol_id: str
    """Its id."""
    clips: Sequence[str]
    hashes: Mapping[str, str] = field(default_factory=dict)
    """Content of each clip; of a clip that is not in it nothing but the name is known."""
    speakers: Mapping[str, str] = field(default_factory=dict)
    """By clip; a clip that is not in it is a speaker of its own."""
    models: Sequence[ModelRecord]
    outputs: Sequence[tuple[Output, str]]
    """Metrics with their recipes."""
    rows: Mapping[tuple[str, str], GivenRow]
    """By model and output; what is not in it is missing as `not_given`."""
    source: Mapping[str, Any]
    """Where it came from, for the provenance."""


def results_of(given: Given, config: StatisticsConfig) -> Results:
    """The results that a table stands for; means over clips, intervals over speakers."""
    values: list[ClipValue] = []
    rows = []
    for output, recipe in given.outputs:
        for model in given.models:
            row = given.rows.get((model.name, output.name), GivenRow())
            values += _clip_values(given, model.name, output.name, row)
            rows.append(_row(given, model.name, output, recipe, row, config))
    return Results(
        name=given.name,
        dataset=given.dataset,
        dataset_title=given.dataset_title,
        tier=given.tier,
        protocol=given.protocol_id,
        clips=list(given.clips),
        confidence=config.confidence,
        interval=f"percentile bootstrap over speakers, {config.resamples} resamples, seed {config.seed}",
        models=list(given.models),
        metrics=[
            MetricRecord(
                name=output.name,
                title=output.title,
                direction=output.direction,
                unit=output.unit,
                digits=output.digits,
                recipe=recipe,
                best=output.best,
                giver=output.name,
            )
            for output, recipe in given.outputs
        ],
        rows=rows,
        comparisons=[],
        clip_values=values,
        failed=[],
        flagged=[],
        provenance=gather() | {"imported": dict(given.source)},
    )


def write_run(given: Given, out: Path, config: StatisticsConfig) -> Results:
    """Write a table with all that a run has but its videos.

    Args:
        given: what to write.
        out: the run folder.
        config: how intervals are made.

    Raises:
        UserError: the folder holds something else, or another process writes it.
        BrokenEnvironmentError: the disk is full.
    """
    results = results_of(given, config)
    with RunFolder(out) as folder:
        folder.claim(f"{given.dataset} {given.protocol_id}", described(given))
        write_files(results, folder.layout)
    return results


def described(given: Given) -> dict[str, Any]:
    """What `run.json` says, so that every command which reads runs reads this one."""
    return {
        "dataset": given.dataset,
        "tier": given.tier,
        "protocol": given.protocol.model_dump(mode="json"),
        "protocol_id": given.protocol_id,
        "clips": [
            {
                "id": clip,
                "speaker": given.speakers.get(clip, clip),
                "content_hash": given.hashes.get(clip, UNKNOWN),
            }
            for clip in given.clips
        ],
        "models": [{"name": m.name, "title": m.title, "kind": m.kind} for m in given.models],
        "metrics": [{"name": output.name, "recipe": recipe} for output, recipe in given.outputs],
        "provenance": gather() | {"imported": dict(given.source)},
    }


def imported_protocol(name: str, clips: Sequence[str]) -> tuple[Protocol, str]:
    """The protocol of an import, and its id over the names of the clips, which are all that is known of them."""
    protocol = Protocol(name=name, version=1)
    return protocol, protocol.identify([(clip, UNKNOWN) for clip in clips])


def write_files(results: Results, layout: Layout) -> None:
    """All files of a run but its journal."""
    from liveact_eval.reporting.plots import write_plots
    from liveact_eval.reporting.tables import write_tables
    from liveact_eval.results.parquet import write_parquet

    write_text(layout.results, results.model_dump_json(indent=1) + "\n")
    write_parquet(results, {}, layout.parquet)
    write_tables(results, layout)
    write_plots(results, {}, layout)


def _clip_values(given: Given, model: str, metric: str, row: GivenRow) -> list[ClipValue]:
    found = []
    for clip in given.clips:
        item = row.clips.get(clip, GivenValue(None, reason=NOT_GIVEN))
        found.append(
            ClipValue(
                model=model,
                clip=clip,
                speaker=given.speakers.get(clip, clip),
                metric=metric,
                value=item.value,
                reason=item.reason,
                detail=item.detail,
            )
        )
    return found


def _row(
    given: Given, model: str, output: Output, recipe: str, row: GivenRow, config: StatisticsConfig
) -> ResultRow:
    good = {clip: item for clip in given.clips if (item := row.clips.get(clip)) and item.value is not None}
    lacking = [
        row.clips.get(clip, GivenValue(None, reason=NOT_GIVEN)) for clip in given.clips if clip not in good
    ]
    reasons = Counter(item.reason or "unknown" for item in lacking)
    value, low, high, note = row.total, None, None, row.note
    if good:
        parts = np.array([[float(item.value or 0) * item.weight, item.weight] for item in good.values()])
        value = float(_mean(parts.sum(axis=0)))
        speakers = [given.speakers.get(clip, clip) for clip in good]
        interval = interval_of(parts, _mean, draw_weights(speakers, config), config)
        low, high = (None, None) if interval is None else (interval.low, interval.high)
        if row.total is not None and abs(row.total - value) > 1e-6:
            said = f"the total that was given is {row.total:.6g}, the mean over its videos is shown"
            note = said if note is None else f"{note}; {said}"
    elif value is not None:
        note = NO_CLIP_VALUES if note is None else f"{note}; {NO_CLIP_VALUES}"
    return ResultRow(
        model=model,
        dataset=given.dataset,
        protocol=given.protocol_id,
        metric=output.name,
        recipe=recipe,
        tier=given.tier,
        value=value,
        unit=output.unit,
        direction=output.direction,
        ci_low=low,
        ci_high=high,
        n=len(good),
        n_total=len(given.clips),
        n_speakers=len({given.speakers.get(clip, clip) for clip in good}),
        failures=dict(reasons.most_common()),
        note=note,
        value_reason=None if value is not None else (reasons.most_common(1)[0][0] if reasons else NOT_GIVEN),
    )


def _mean(merged: Any) -> Any:
    """Weighted mean from (..., 2): sum of value times weight, and sum of weights."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return merged[..., 0] / merged[..., 1]


def clip_ids(paths: Sequence[str]) -> dict[str, str]:
    """A clip id for each path: the name without its suffix, with folders before it where names repeat."""
    parts = {path: [p for p in path.replace("\\", "/").split("/") if p not in ("", ".")] for path in paths}
    depth = 1
    deepest = max((len(item) for item in parts.values()), default=1)
    while True:
        named = {path: _named(item[-depth:]) for path, item in parts.items()}
        if len(set(named.values())) == len(named) or depth >= deepest:
            break
        depth += 1
    if len(set(named.values())) < len(named):
        named = {path: printable(path) for path in paths}
    return named


def _named(words: Sequence[str]) -> str:
    *folders, last = words or [""]
    stem = last.rpartition(".")[0] or last
    return printable("/".join([*folders, stem]))
