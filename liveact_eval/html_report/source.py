"""What a run folder holds, as the page needs it: numbers, videos and curves. Nothing in it is changed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liveact_eval.efficiency.run_costs import COSTS, RunCosts, read_run_costs
from liveact_eval.errors import UserError
from liveact_eval.results.folder import Layout
from liveact_eval.results.schema import Results, read_results
from liveact_eval.results.videos import Pair, find_videos


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A curve over time of one video."""

    fps: float
    """Points per second."""
    points: tuple[float | None, ...]
    """`None` where there is no number, such as no face."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A finished run."""

    path: Path
    results: Results
    described: Mapping[str, Any]
    """`run.json`; empty where there is none."""
    videos: Mapping[Pair, Path]
    """Videos that are there."""
    fps: Mapping[Pair, float]
    """Frame rate of a video as it was measured."""
    curves: Mapping[str, Mapping[Pair, Curve]]
    """By name of the curve."""
    costs: RunCosts | None
    """What making its videos cost; `None`: it made none."""


def open_source(folder: Path) -> Source:
    """A run folder, or one that was exported.

    Raises:
        UserError: no results are there, or something is damaged.
    """
    layout = Layout(folder)
    if not folder.is_dir():
        raise UserError(
            f"No run at {str(folder)!r}: expected a folder that liveact-eval run or score has written. "
            "List runs with: liveact-eval runs list"
        )
    results = read_results(layout.results)
    videos = find_videos(layout, results)
    return Source(
        path=folder,
        results=results,
        described=_described(layout.run),
        videos=videos.paths,
        fps=videos.fps,
        curves=_curves(layout.parquet.with_name("curves.parquet")),
        costs=read_run_costs(layout.tables / COSTS),
    )


def _described(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path}: not valid JSON: {error}. Expected what a run writes there.") from error
    return content if isinstance(content, dict) else {}


def _curves(path: Path) -> dict[str, dict[Pair, Curve]]:
    if not path.is_file():
        return {}
    import pyarrow.parquet as pq

    try:
        with path.open("rb") as stream:
            rows = pq.read_table(stream).to_pylist()
        found: dict[str, dict[Pair, Curve]] = {}
        for row in rows:
            curve = Curve(fps=float(row["fps"]), points=_finite(row["values"]))
            found.setdefault(row["curve"], {})[Pair(row["model"], row["clip"])] = curve
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path}: cannot be read as curves: {error}. Expected what a run writes there."
        ) from error
    return found


def _finite(points: Sequence[float | None]) -> tuple[float | None, ...]:
    return tuple(p if p is not None and math.isfinite(p) else None for p in points)
