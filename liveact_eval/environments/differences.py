"""The same metric by two backends on the same videos: how far apart they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from liveact_eval.files import write_text
from liveact_eval.results.schema import ClipValue, Results

FILE = "backends.json"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One metric of one model by both backends, on the clips that both have."""

    metric: str
    model: str
    native: float | None
    """Value of the metric here, over all clips that it has."""
    official: float | None
    """Value of the tool, over all clips that it has."""
    n: int
    """Clips that both have a number for."""
    mean_difference: float | None
    """Mean over those clips of native less official."""
    largest_difference: float | None
    """Largest absolute difference of a clip."""
    largest_clip: str | None
    """Which clip that is."""
    reason: str | None
    """Why there is no difference."""

    def texts(self) -> tuple[str, ...]:
        """The cells of a table."""
        numbers = (self.native, self.official)
        small = (self.mean_difference, self.largest_difference)
        return (
            self.metric,
            self.model,
            *("–" if value is None else f"{value:.6f}" for value in numbers),
            *("–" if value is None else f"{value:.2e}" for value in small),
            self.largest_clip or "–",
            str(self.n),
        )


def columns() -> tuple[str, ...]:
    """Headings of the cells."""
    return ("metric", "model", "native", "official", "mean difference", "largest", "on clip", "n")


def differences(native: Results, official: Results) -> list[Difference]:
    """Every metric of the official results against that of the same name."""
    ours, theirs = _values(native), _values(official)
    rows = {(row.model, row.metric): row.value for row in native.rows}
    found = []
    for row in official.rows:
        key = row.model, row.metric
        mine, other = ours.get(key, {}), theirs.get(key, {})
        pairs = {
            clip: (a, b)
            for clip, item in other.items()
            if (b := item.value) is not None and clip in mine and (a := mine[clip].value) is not None
        }
        gaps = {clip: a - b for clip, (a, b) in pairs.items()}
        worst = max(gaps, key=lambda clip: abs(gaps[clip]), default=None)
        found.append(
            Difference(
                metric=row.metric,
                model=row.model,
                native=rows.get(key),
                official=row.value,
                n=len(gaps),
                mean_difference=sum(gaps.values()) / len(gaps) if gaps else None,
                largest_difference=None if worst is None else abs(gaps[worst]),
                largest_clip=worst,
                reason=None if gaps else _reason(mine, other),
            )
        )
    return found


def write_differences(found: list[Difference], out: Path) -> None:
    """Write them beside the results."""
    write_text(out / FILE, json.dumps([vars(item) for item in found], indent=1) + "\n")


def _values(results: Results) -> dict[tuple[str, str], dict[str, ClipValue]]:
    found: dict[tuple[str, str], dict[str, ClipValue]] = {}
    for item in results.clip_values:
        found.setdefault((item.model, item.metric), {})[item.clip] = item
    return found


def _reason(native: Mapping[str, ClipValue], official: Mapping[str, ClipValue]) -> str:
    said = []
    for side, values in (("native", native), ("official", official)):
        lacking = [item for item in values.values() if item.value is None]
        if not values:
            said.append(f"{side}: not measured")
        elif lacking:
            detail = f" ({lacking[0].detail})" if lacking[0].detail else ""
            said.append(f"{side}: {lacking[0].reason}{detail}")
    return "; ".join(said) or "no clip has both numbers"
