"""From runs of both sides to the page."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Any

from _report import Spread

GOALS = {"sync, 4 s": 6.0, "subject consistency": 2.0, "imaging quality": 2.0}
SUITE_GOAL = 5.0
SYNC = "sync, 4 s"

Case = dict[str, Any]


def markdown(record: dict[str, Any], parts: Sequence[str], suite: str) -> str:
    """The whole result as a page; cases that were not run are left out."""
    cases: dict[str, Case] = record["cases"]
    machine, settings = record["settings"]["machine"], record["settings"]
    lines = [
        "# Against the reference tools",
        "",
        f"Wall seconds of one clip on {settings['threads']} threads, median (smallest to largest); "
        f"{settings['clips']}. "
        "Networks have the same seeded weights on both sides and are loaded before the clock starts. What each side "
        "does: [README](../README.md). The goals are for float32; bf16 is ours with `networks.precision=bfloat16`.",
        "",
        "| Case | Tool s | Ours s | Ratio | Goal | In bf16 s | Ratio | Tool CPU s | Ours CPU s | Tool MiB | Ours MiB |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
        *(_row(name, case) for name, case in cases.items() if "tool" in case),
        "",
    ]
    lines += _whole(cases, parts, suite)
    lines += _limits(cases, parts, suite)
    if SYNC in cases:
        lines += _stages(cases[SYNC])
    lines += _values(cases)
    lines += [
        "## Measured with",
        "",
        f"- Machine: {machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB",
        "- Load before each case: "
        + ", ".join(f"{name} {case['load_before']:.1f}" for name, case in cases.items()),
        "- Date: " + ", ".join(sorted({case["date"] for case in cases.values()})),
        "- Ours: " + _list(record["packages"]),
        "- Tools: "
        + _list(next((case["tool"]["versions"] for case in cases.values() if "tool" in case), {})),
        "",
    ]
    return "\n".join(lines)


def _row(name: str, case: Case) -> str:
    tool, ours, bf16 = case["tool"], case["ours"], case["bf16"]
    ratio, lower = (_median(tool, "wall_s") / _median(side, "wall_s") for side in (ours, bf16))
    goal = GOALS.get(name)
    said = "" if goal is None else f"{goal:g}: {'met' if ratio >= goal else 'not met'}"
    cells = [
        _spread(tool).text(),
        _spread(ours).text(),
        f"{ratio:.2f}",
        said,
        _spread(bf16).text(),
        f"{lower:.2f}",
    ]
    cells += [f"{_median(side, 'cpu_s'):.2f}" for side in (tool, ours)]
    cells += [f"{_peak(side):.0f}" for side in (tool, ours)]
    return f"| {name} | " + " | ".join(cells) + " |"


def _whole(cases: dict[str, Case], parts: Sequence[str], suite: str) -> list[str]:
    """Tools one after the other against one pass; only where every part was measured."""
    if suite not in cases or any(part not in cases for part in parts):
        return []
    theirs = sum(_median(cases[part]["tool"], "wall_s") for part in parts)
    apart = sum(_median(cases[part]["ours"], "wall_s") for part in parts)
    ours, bf16 = (_median(cases[suite][side], "wall_s") for side in ("ours", "bf16"))
    loading = sum(cases[part]["tool"]["load_s"] for part in parts)
    met = "met" if theirs / ours >= SUITE_GOAL else "not met"
    return [
        "## The whole suite",
        "",
        f"Tools one after the other: {theirs:.1f} s. Ours in one pass: {_spread(cases[suite]['ours']).text()} s, "
        f"{theirs / ours:.2f} times less. Goal {SUITE_GOAL:g}: {met}. Ours metric by metric: {apart:.1f} s.",
        "",
        f"In bfloat16: {_spread(cases[suite]['bf16']).text()} s, {theirs / bf16:.2f} times less.",
        "",
        f"Loading is not in it: the tools {loading:.1f} s, ours {cases[suite]['ours']['load_s']:.1f} s "
        "(drawing the weights by their rule included).",
        "",
    ]


def _limits(cases: dict[str, Case], parts: Sequence[str], suite: str) -> list[str]:
    """Why the tools are not left further behind: where our own time goes."""
    if suite not in cases or any(part not in cases for part in parts):
        return []
    seconds = {part: _median(cases[part]["ours"], "wall_s") for part in parts}
    whole = sum(seconds.values())
    dear = sorted(seconds, key=seconds.__getitem__, reverse=True)
    shares = ", ".join(f"{part} {seconds[part] / whole:.0%}" for part in dear if seconds[part] >= whole / 100)
    return [
        "### What limits it",
        "",
        f"Where our seconds go, metric by metric: {shares}. That is networks, which are the same on both sides, in the "
        "same library, on all frames that the definitions name: one decode, no files between, shared features and "
        "no window computed twice leave them as they are. A goal above the ratio of a row needs a cheaper network, "
        "fewer frames or a lower precision; the first two would be another metric, and the third is the column bf16. "
        "Loading each network once instead of once per clip is not counted.",
        "",
    ]


def _stages(case: Case) -> list[str]:
    """Where the time of lip sync goes; the detectors are other networks."""
    tool, ours = case["tool"], case["ours"]

    def rest(run: dict[str, Any]) -> float:
        return float(run["wall_s"] - sum(run["stages"].values()))

    def row(label: str, of: Callable[[dict[str, Any]], float]) -> str:
        theirs, mine = (statistics.median(of(run) for run in side["runs"]) for side in (tool, ours))
        return f"| {label} | {theirs:.2f} | {mine:.2f} | {theirs / mine:.2f} |"

    return [
        "## Lip sync by stage",
        "",
        "| Stage | Tool s | Ours s | Ratio |",
        "|---|--:|--:|--:|",
        row("detector (S3FD; YuNet)", lambda run: run["stages"]["detector"]),
        row("SyncNet", lambda run: run["stages"]["network"]),
        row("files, decoding, crops, sound, distances", rest),
        row("all but the detector", lambda run: run["wall_s"] - run["stages"]["detector"]),
        "",
    ]


def _values(cases: dict[str, Case]) -> list[str]:
    """The numbers of both sides, where both give one of the same name."""
    rows = []
    for name, case in cases.items():
        if "tool" not in case:
            continue
        theirs, ours, bf16 = (case[side]["runs"][-1]["values"] for side in ("tool", "ours", "bf16"))
        rows += [
            f"| {name} | `{key}` | {theirs[key]:.6g} | {ours[key]:.6g} | {bf16[key]:.6g} |"
            for key in theirs
            if key in ours
        ]
    return [
        "## The numbers of both sides",
        "",
        "They show that both do the same work; seeded weights make them mean nothing. Differences: decoders and their "
        "colours, half precision in CLIP's loader, the lossy crops of the SyncNet tool.",
        "",
        "| Case | Number | Tool | Ours | Ours in bf16 |",
        "|---|---|--:|--:|--:|",
        *rows,
        "",
    ]


def _spread(side: Case) -> Spread:
    return Spread.of([run["wall_s"] for run in side["runs"]])


def _median(side: Case, what: str) -> float:
    return float(statistics.median(run[what] for run in side["runs"]))


def _peak(side: Case) -> float:
    return max(float(run["peak_rss_mib"]) for run in side["runs"])


def _list(versions: dict[str, str | None]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())
