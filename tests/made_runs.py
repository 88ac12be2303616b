"""Run folders made up for tests: as a run leaves them behind, with values that a test can foresee."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np

from liveact_eval.results.folder import Layout
from liveact_eval.results.parquet import write_parquet
from liveact_eval.results.schema import (
    ClipValue,
    FlaggedClip,
    MetricRecord,
    ModelRecord,
    ResultRow,
    Results,
)
from tests.helpers import moving_square, tone, write_av

SCRIPT = "<script>alert('x')</script>"
Table = Mapping[str, Mapping[str, list[float | None]]]
"""Values by metric and model, one per clip. Metrics whose name begins with `low` are better when lower."""


def made_results(
    table: Table,
    *,
    clips: list[str],
    tier: Literal["mini", "paper"] = "mini",
    dataset: str = "made",
    titles: Mapping[str, str] | None = None,
    recipe: str = "r@1",
    name: str = "made-up",
) -> Results:
    """Results whose rows are the means of these values; clips take turns among two speakers."""
    models = list(next(iter(table.values())))
    titles = titles or {}

    def direction(metric: str) -> Literal["up", "down"]:
        return "down" if metric.startswith("low") else "up"

    def row(metric: str, model: str, values: list[float | None]) -> ResultRow:
        there = [value for value in values if value is not None]
        mean = sum(there) / len(there) if there else None
        lacking = len(values) - len(there)
        return ResultRow(
            model=model,
            dataset=dataset,
            protocol=f"{dataset}@1:00000000",
            metric=metric,
            recipe=recipe,
            tier=tier,
            value=mean,
            unit="",
            direction=direction(metric),
            ci_low=None if mean is None else mean - 0.5,
            ci_high=None if mean is None else mean + 0.25,
            n=len(there),
            n_total=len(values),
            n_speakers=min(2, len(there)),
            failures={"no_face": lacking} if lacking else {},
            value_reason=None if there else "no_face",
        )

    return Results(
        name=name,
        dataset=dataset,
        dataset_title=titles.get(dataset, dataset.title()),
        tier=tier,
        protocol=f"{dataset}@1:00000000",
        clips=clips,
        confidence=0.95,
        interval="made up",
        models=[
            ModelRecord(name=m, title=titles.get(m, m.title()), kind="control", generation_seconds=0)
            for m in models
        ],
        metrics=[
            MetricRecord(
                name=metric,
                title=titles.get(metric, metric.upper()),
                direction=direction(metric),
                unit="",
                digits=2,
                recipe=recipe,
                best=None,
            )
            for metric in table
        ],
        rows=[row(metric, model, values) for metric, of in table.items() for model, values in of.items()],
        comparisons=[],
        clip_values=[
            ClipValue(
                model=model,
                clip=clip,
                speaker=f"speaker-{place % 2}",
                metric=metric,
                value=value,
                reason=None if value is not None else "no_face",
            )
            for metric, of in table.items()
            for model, values in of.items()
            for place, (clip, value) in enumerate(zip(clips, values, strict=True))
        ],
        failed=[],
        flagged=[FlaggedClip(model=models[-1], clip=clips[0], code="frozen", message=SCRIPT, rejected=False)],
        provenance={"liveact_eval": "0", "note": SCRIPT},
    )


def made_run(folder: Path, results: Results, *, seconds: float = 0, fps: int = 25, prompt: str = "") -> Path:
    """A run folder with these results; with `seconds`, every clip has a video and a rising curve of each model."""
    layout = Layout(folder)
    folder.mkdir(parents=True)
    layout.results.write_text(results.model_dump_json(), encoding="utf-8")
    described = {
        "run_version": 1,
        "source": results.dataset,
        "created": "2000-01-01T00:00:00+00:00",
        "config": {"seed": 0},
        "protocol_id": results.protocol,
        "protocol": {"name": results.dataset, "version": 1, "fps": fps, "size": [32, 32]},
        "clips": [{"id": clip, "content_hash": "0" * 64, "prompt": prompt} for clip in results.clips],
    }
    layout.run.write_text(json.dumps(described), encoding="utf-8")
    layout.tables.mkdir()
    (layout.tables / "results.md").write_text("| table |\n", encoding="utf-8")
    curves: dict[str, dict[str, dict[str, tuple[float, np.ndarray]]]] = {"rising": {}}  # type: ignore[type-arg]
    frames = round(seconds * fps)
    for place, model in enumerate(results.models if frames else []):
        for clip in results.clips:
            stem = layout.video(model.name, clip)
            stem.parent.mkdir(parents=True, exist_ok=True)
            # Key frames are far apart, as in most videos: a seek has to decode its way.
            write_av(
                stem.with_name(f"{stem.name}.mp4"),
                moving_square(frames, (32, 32), start=place),
                rate=fps,
                sound=tone(seconds),
                sound_codec="aac",
                options={"preset": "ultrafast"},
            )
            points = np.linspace(0, 1 + place, frames, dtype=np.float32)
            curves["rising"].setdefault(model.name, {})[clip] = (float(fps), points)
    write_parquet(results, curves, layout.parquet)
    return folder
