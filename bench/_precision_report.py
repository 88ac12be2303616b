"""The page that `precision.py` writes."""

from __future__ import annotations

import statistics
from typing import Any

_KNOWN = {
    "drawn from a rule": (
        "**Weights are drawn from a rule**, so that these values mean nothing as scores. How far values move with the "
        "trained weights is not known from here; times do not depend on weights."
    ),
    "published": "Weights are the published ones.",
}


def markdown(record: dict[str, Any]) -> str:
    """The whole result as a page."""
    clip, about = record["clip"], record["machine"]
    native = "has" if about["bfloat16 instructions"] else "shows no"
    lines = [
        "# Networks in bfloat16 against float32",
        "",
        f"{clip['seconds']:g} s of {clip['source']} ({'x'.join(map(str, clip['size']))}), encoded coarsely and "
        f"measured against the original. {_KNOWN[record['weights']]}",
        "",
        f"CPU seconds of one thread, median of {record['repeats']}, without opening and decoding the videos. The work "
        "before and after the networks, and the search for faces, count; they are float32 on both sides.",
        "",
        "| metric | networks in bfloat16 | float32 s | bfloat16 s | times faster |",
        "|---|---|--:|--:|--:|",
        *_times(record["metrics"]),
        "",
        "| output | float32 | bfloat16 | difference |",
        "|---|--:|--:|--:|",
        *_values(record["metrics"]),
        "",
        f"{record['date']}; {about['cpu']}, {about['cores']} cores, one used, {about['system']}, load "
        f"{about['load_at_start']} at the start; the processor {native} bfloat16 instructions.",
        "Versions: " + ", ".join(f"{name} {version}" for name, version in record["versions"].items()) + ".",
        "",
    ]
    return "\n".join(lines)


def _times(metrics: list[dict[str, Any]]) -> list[str]:
    rows = []
    for row in metrics:
        seconds = [f"{statistics.median(row['cpu_s'][name]):.2f}" for name in ("float32", "bfloat16")]
        rows.append(
            f"| `{row['metric']}` | {', '.join(row['networks'])} | {' | '.join(seconds)} | {row['ratio']:.2f} |"
        )
    return rows


def _values(metrics: list[dict[str, Any]]) -> list[str]:
    rows = []
    for row in metrics:
        for name, found in row["values"].items():
            full, half = found["float32"], found["bfloat16"]
            both = isinstance(full, float) and isinstance(half, float)
            difference = f"{half - full:+.2e}" if both else "–"
            rows.append(f"| `{name}` | {_shown(full)} | {_shown(half)} | {difference} |")
    return rows


def _shown(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.5f}"
