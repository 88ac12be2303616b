"""From samples to the table."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple

GOAL = 15.0
"""CPU time of the reference steps over ours."""


class Spread(NamedTuple):
    """Median, smallest and largest of the repeats."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> Spread:
        """Of one number per repeat."""
        return cls(statistics.median(samples), min(samples), max(samples))

    def text(self, digits: int = 2) -> str:
        """`median (low to high)`."""
        return f"{self.median:.{digits}f} ({self.low:.{digits}f} to {self.high:.{digits}f})"


def markdown(record: dict[str, Any]) -> str:
    """The whole result as a page."""
    ratios, counts, clip = record["ratios"], record["counts"], record["clip"]
    met = "met" if ratios["cpu"]["median"] >= GOAL else "not met"
    lines = [
        "# Decoding and preparing one clip",
        "",
        f"{clip['frames'] / clip['fps']:g} s, {clip['width']}x{clip['height']}, {clip['fps']:g} fps, "
        f"{clip['codec']}; {clip['source']}. No network runs on either side. Seconds: median of "
        f"{record['repeats']} repeats (smallest to largest). What is counted and what is not: "
        "[README](../README.md).",
        "",
        f"- Full decodes of the clip: {counts['reference_decodes']} against {counts['our_opens']}.",
        f"- CPU time: {ratios['cpu']['median']:.1f} times less. Goal {GOAL:g}: {met}.",
        "",
        "| | Reference | Ours | Ratio |",
        "|---|--:|--:|--:|",
        *_summary(record),
        f"| Full decodes | {counts['reference_decodes']} | {counts['our_opens']} | |",
        f"| Temporary files | {counts['temporary_files']} | {counts['our_temporary_files']} | |",
        f"| Temporary MB | {_megabytes(counts['temporary_bytes'])} | {_megabytes(counts['our_written_bytes'])} | |",
        "",
        "*Same work only*: ours without the streams that no counted reference step makes (luma, "
        "aligned face). *Plain decodes only*: the 17 of the 22 that do nothing but decode (decord, OpenCV), "
        "against our one.",
        "",
        "## Reference by tool",
        "",
        "| Tool | Full decodes | CPU s | Wall s |",
        "|---|--:|--:|--:|",
        *_rows(record["reference"]["tools"], decodes=True),
        "",
        "## Reference by step",
        "",
        "| Step | Full decodes | CPU s | Wall s |",
        "|---|--:|--:|--:|",
        *_rows(record["reference"]["steps"], decodes=True),
        "",
        "## Ours by step",
        "",
        "| Step | CPU s | Wall s |",
        "|---|--:|--:|",
        *_rows(record["ours"]["steps"], decodes=False),
        "",
        "## Measured with",
        "",
        f"- Date: {record['date']}",
        f"- Machine: {record['machine']['cpu']}, {record['machine']['cores']} cores, "
        f"{record['machine']['system']}; load {record['machine']['load_at_start']:g} at the start",
        "- Versions: " + ", ".join(f"{name} {version}" for name, version in record["versions"].items()),
        "",
    ]
    return "\n".join(lines)


def _summary(record: dict[str, Any]) -> list[str]:
    rows = (
        ("CPU s, everything", "cpu", "total", "cpu_s"),
        ("Wall s, everything", "wall", "total", "wall_s"),
        ("CPU s, same work only", "cpu_same_work", "same_work", "cpu_s"),
        ("CPU s, plain decodes only", "cpu_decodes", "decodes", "cpu_s"),
    )
    made = []
    for label, ratio, part, unit in rows:
        theirs = Spread.of(record["reference"][part][unit])
        ours = Spread.of(record["ours"][part][unit])
        found = Spread(**record["ratios"][ratio])
        made.append(f"| {label} | {theirs.text()} | {ours.text()} | {found.text(1)} |")
    return made


def _rows(steps: list[dict[str, Any]], *, decodes: bool) -> list[str]:
    rows = []
    for step in steps:
        cpu, wall = Spread.of(step["cpu_s"]), Spread.of(step["wall_s"])
        count = f" {step['decodes']} |" if decodes else ""
        rows.append(f"| {step['name']} |{count} {cpu.text(3)} | {wall.text(3)} |")
    return rows


def _megabytes(count: int | None) -> str:
    return "not known" if count is None else f"{count / 1e6:.1f}"
