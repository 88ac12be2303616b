"""Runs that were never made: results with given values, for statistics, tables and the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from liveact_eval.cards.protocol import Protocol
from liveact_eval.comparing.runs import Run
from liveact_eval.results.schema import ClipValue, MetricRecord, ModelRecord, ResultRow, Results

Values = Mapping[str, Mapping[str, Sequence[float | None]]]
"""Of each clip, by model and metric."""
PROTOCOL = Protocol(name="made-up", version=1, fps=25.0)


def direction_of(metric: str) -> str:
    """`low_x` is better when low, `any_x` is no score."""
    return "down" if metric.startswith("low") else "none" if metric.startswith("any") else "up"


def made_up(
    values: Values,
    *,
    name: str = "run",
    per_speaker: int = 2,
    protocol: Protocol = PROTOCOL,
    content: Mapping[str, str] | None = None,
    clips: Sequence[str] | None = None,
    recipes: Mapping[str, str] | None = None,
    titles: Mapping[str, str] | None = None,
    kinds: Mapping[str, str] | None = None,
    digits: int = 3,
) -> Run:
    """A run with these values; clips follow each other by speaker."""
    metrics = list(dict.fromkeys(metric for of in values.values() for metric in of))
    count = max(len(own) for of in values.values() for own in of.values())
    ids = list(clips or (f"c{n}" for n in range(count)))
    hashes = dict(content or {clip: f"hash of {clip}" for clip in ids})
    identity = protocol.identify([(clip, hashes[clip]) for clip in ids])
    named, of_recipe, of_kind = titles or {}, recipes or {}, kinds or {}
    rows, cells = [], []
    for model, of in values.items():
        for metric, own in of.items():
            known = [value for value in own if value is not None]
            rows.append(
                ResultRow.model_validate(
                    {
                        "model": model,
                        "dataset": "made-up",
                        "protocol": identity,
                        "metric": metric,
                        "recipe": of_recipe.get(metric, "r@1"),
                        "tier": "mini",
                        "value": float(np.mean(known)) if known else None,
                        "unit": "",
                        "direction": direction_of(metric),
                        "ci_low": None,
                        "ci_high": None,
                        "n": len(known),
                        "n_total": len(ids),
                        "n_speakers": len(ids) // per_speaker,
                        "failures": {} if known else {"too_short": len(ids)},
                        "value_reason": None if known else "too_short",
                    }
                )
            )
            cells += [
                ClipValue(
                    model=model,
                    clip=clip,
                    speaker=f"s{index // per_speaker}",
                    metric=metric,
                    value=value,
                    reason=None if value is not None else "too_short",
                )
                for index, (clip, value) in enumerate(zip(ids, own, strict=True))
            ]
    results = Results(
        name=name,
        dataset="made-up",
        dataset_title=named.get("dataset", "Made up"),
        tier="mini",
        protocol=identity,
        clips=ids,
        confidence=0.95,
        interval="none",
        models=[
            ModelRecord(
                name=model,
                title=named.get(model, model.title()),
                kind=of_kind.get(model, "control" if model in ("real", "still") else "native"),
                generation_seconds=0,
            )
            for model in values
        ],
        metrics=[
            MetricRecord.model_validate(
                {
                    "name": metric,
                    "title": named.get(metric, metric.upper()),
                    "direction": direction_of(metric),
                    "unit": "",
                    "digits": digits,
                    "recipe": of_recipe.get(metric, "r@1"),
                    "best": None,
                    "giver": f"{metric}_giver",
                }
            )
            for metric in metrics
        ],
        rows=rows,
        comparisons=[],
        clip_values=cells,
        failed=[],
        flagged=[],
        provenance={"machine": {"cpu": "made up", "cores": 2}},
    )
    return Run(label=f"runs/{name}", results=results, protocol=protocol, content=hashes)
