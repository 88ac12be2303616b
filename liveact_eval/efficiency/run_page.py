"""The efficiency table of a run as rows, as a page, and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from typing import NamedTuple

from liveact_eval.efficiency.run_costs import RunCost, RunCosts
from liveact_eval.reporting.numbers import ARROWS, number

_MODEL = (
    "printed: times of blocks as the program printed them, and what it counts into them is its own matter; no live "
    "call was made: stalls and lip delay are modelled from these times, with all sound there from the start, and with "
    "a call that begins with the first block that does not warm up"
)
Read = Callable[[RunCost], "float | None"]


class _Row(NamedTuple):
    """One quantity."""

    name: str
    """In files, with its unit."""
    title: str
    unit: str
    digits: int
    better: str
    """`up` or `down`."""
    read: Read


def _printed(name: str) -> Read:
    return lambda cost: None if cost.printed is None else getattr(cost.printed, name)


_HERE = (
    _Row("fps", "FPS, with VAE and host copy", "frames/s", 2, "up", lambda cost: cost.fps),
    _Row("real_time_factor", "real-time factor", "", 3, "down", lambda cost: cost.real_time_factor),
    _Row("ttff_ms", "time to first frame", "ms", 0, "down", lambda cost: cost.ttff_ms),
    _Row("peak_device_gib", "peak device memory", "GiB", 2, "down", lambda cost: cost.peak_device_gib),
)
_PRINTED = (
    _Row("printed_fps", "FPS, printed", "frames/s", 2, "up", _printed("fps")),
    _Row(
        "printed_real_time_factor", "real-time factor, printed", "", 3, "down", _printed("real_time_factor")
    ),
    _Row("printed_ttff_ms", "time to first frame, printed", "ms", 0, "down", _printed("ttff_ms")),
    _Row("printed_block_p50_ms", "block latency p50, printed", "ms", 0, "down", _printed("block_p50_ms")),
    _Row("printed_block_p95_ms", "block latency p95, printed", "ms", 0, "down", _printed("block_p95_ms")),
    _Row("printed_block_p99_ms", "block latency p99, printed", "ms", 0, "down", _printed("block_p99_ms")),
    _Row("printed_deadline_misses", "deadline misses", "blocks", 0, "down", _printed("deadline_misses")),
    _Row("modelled_stalls", "stalls, modelled", "", 0, "down", _printed("stalls")),
    _Row("modelled_stalled_s", "stalled, modelled", "s", 2, "down", _printed("stalled_s")),
    _Row("modelled_buffer_ms", "buffer that avoids every stall", "ms", 0, "down", _printed("buffer_ms")),
    _Row(
        "modelled_lip_delay_p95_ms",
        "lip delay p95, modelled",
        "ms",
        0,
        "down",
        _printed("lip_delay_p95_ms"),
    ),
)


def rows(costs: RunCosts) -> list[tuple[str, list[str]]]:
    """Heading and one cell per model; rows of this package's timers where some model has a figure, rows of printed
    times where some model is a program."""
    found = []
    for row in (*_HERE, *_PRINTED):
        values = [row.read(cost) for cost in costs.costs]
        if any(value is not None for value in values) or (row in _PRINTED and _programs(costs)):
            unit = f" [{row.unit}]" if row.unit not in ("", "frames/s") else ""
            title = f"{row.title}{unit} {ARROWS[row.better]}".rstrip()
            found.append((title, [number(value, row.digits) for value in values]))
    return found


def remarks(costs: RunCosts) -> list[str]:
    """What a reader should know, and why figures are missing."""
    made = [cost for cost in costs.costs if cost.clips]
    lines = [
        f"taken from this run, {costs.workers} processes at once, other work, first blocks and compiling included; for "
        "what a model can do: liveact-eval bench",
        *(f"{cost.title}: {cost.clips} videos" for cost in made),
    ]
    told = [cost for cost in made if cost.printed is not None]
    if told:
        lines += [_MODEL, *(line for cost in told for line in _facts(cost))]
    reasons: dict[str, list[str]] = {}
    for cost in costs.costs:
        if cost.reason is not None:
            reasons.setdefault(cost.reason, []).append(cost.title)
        elif cost.memory_reason is not None:
            reasons.setdefault(f"no device memory, {cost.memory_reason}", []).append(cost.title)
        # Elsewhere the reason above says it already.
        if _programs(costs) and cost.printed_reason not in (None, cost.reason):
            reasons.setdefault(f"nothing printed or modelled, {cost.printed_reason}", []).append(cost.title)
    return lines + [f"{', '.join(titles)}: {reason}" for reason, titles in reasons.items()]


def markdown(costs: RunCosts) -> str:
    """The table as a page."""
    titles = [" ".join(cost.title.split()).replace("|", "\\|") for cost in costs.costs]
    lines = [f"| Efficiency | {' | '.join(titles)} |", "|:---|" + "---:|" * len(titles)]
    lines += [f"| {title} | {' | '.join(cells)} |" for title, cells in rows(costs)]
    return "\n".join([*lines, "", *(f"- {line}" for line in remarks(costs)), ""])


def costs_csv(costs: RunCosts) -> str:
    """One line per model and quantity, with the reason where there is no number; any CSV reader loads it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["model", "title", "quantity", "value", "unit", "direction", "videos", "reason"])
    for cost in costs.costs:
        for row in (*_HERE, *_PRINTED):
            value = row.read(cost)
            reason = "" if value is not None else _reason(cost, row)
            shown = "" if value is None else value
            writer.writerow(
                [cost.model, cost.title, row.name, shown, row.unit, row.better, cost.clips, reason]
            )
    return out.getvalue()


def _programs(costs: RunCosts) -> bool:
    """Whether some model is a program that made videos here: its rows are there, with or without numbers."""
    return any(cost.is_program for cost in costs.costs)


def _reason(cost: RunCost, row: _Row) -> str | None:
    if row in _HERE:
        return cost.memory_reason if row.name == "peak_device_gib" else cost.reason
    return cost.printed_reason if cost.printed is None else cost.printed.reason


def _facts(cost: RunCost) -> Sequence[str]:
    """Under what conditions a program's figures were made."""
    told = cost.printed
    assert told is not None
    first = "by its own line" if told.ttff_printed else "the time of the first block that does not warm up"
    lines = [
        f"{cost.title}: {told.blocks} blocks of {told.videos} videos, {told.warm_up_blocks} warm-up blocks left out; "
        f"played, and deadlines counted, at {told.target_fps:g} FPS; stalls and misses over all videos; time to first "
        f"frame is {first}"
    ]
    if told.frames_printed is not None and told.frames_printed != told.frames_written:
        lines.append(
            f"{cost.title}: the printed blocks hold {told.frames_printed} frames, and its files {told.frames_written}"
        )
    if told.reason is not None:
        lines.append(f"{cost.title}: some figures are missing, {told.reason}")
    return lines
