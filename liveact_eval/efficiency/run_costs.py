"""What making the videos of a run cost, as the run itself noted it.

A run makes videos beside other work, in as many processes as there are: its figures say what this run was like, and
`liveact-eval bench` what a model can do.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict

from liveact_eval.errors import UserError
from liveact_eval.reporting.numbers import number

NATIVE = "native"
_PARTS = ("condition_s", "dit_s", "vae_s", "host_s")
_WHY_NOT = {
    "control": "a control, made from the real clip",
    "videos": "made elsewhere",
}
_EARLIER = "made by an earlier command"
_NEEDED = ("frames", "fps", "first_frame_s", *_PARTS)


class RunCost(BaseModel):
    """One model of a run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    title: str
    fps: float | None
    """Frames per second of computing, with VAE and host copy, over all videos that this command made."""
    real_time_factor: float | None
    """Seconds of computing per second of video."""
    ttff_ms: float | None
    """Milliseconds from a request to its first frame, mean over the videos; building the networks is not in it."""
    peak_device_gib: float | None
    """Most device memory in use at once, in any video."""
    clips: int
    """Videos that this command made."""
    reason: str | None
    """Why there are no figures."""
    memory_reason: str | None
    """Why there is no peak memory."""


class RunCosts(BaseModel):
    """All models of a run: the content of `efficiency.json` in a run's folder of tables."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    workers: int
    """Processes that made and measured at the same time."""
    costs: list[RunCost]


def cost_of(model: str, title: str, kind: str, payloads: Sequence[Mapping[str, Any]]) -> RunCost:
    """What a model's videos cost.

    Args:
        model: name of its card.
        title: name in tables.
        kind: of its card.
        payloads: what the journal says of each video that this command made.
    """
    details = [payload.get("details", {}) for payload in payloads]
    timed = [item for item in details if all(name in item for name in _NEEDED)]
    if not timed:
        why = _WHY_NOT.get(kind) or (_EARLIER if not details else "its generator notes no times")
        return _without(model, title, why)
    frames = sum(item["frames"] for item in timed)
    seconds = sum(item[part] for item in timed for part in _PARTS)
    video_s = sum(item["frames"] / item["fps"] for item in timed)
    peaks = [item["peak_device_bytes"] for item in timed if "peak_device_bytes" in item]
    return RunCost(
        model=model,
        title=title,
        fps=frames / seconds,
        real_time_factor=seconds / video_s,
        ttff_ms=1000 * sum(item["first_frame_s"] for item in timed) / len(timed),
        peak_device_gib=max(peaks) / 2**30 if peaks else None,
        clips=len(timed),
        reason=None,
        memory_reason=None if peaks else "made on the CPU, in a process that also measures",
    )


def journal_payloads(journal: Path) -> dict[str, list[dict[str, Any]]]:
    """What a journal says of each video that was made, by model. The journal is only read.

    Raises:
        UserError: it cannot be read.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    query = "SELECT model, payload FROM units WHERE stage = 'generate' AND state = 'done' ORDER BY rowid"
    try:
        address = f"file:{quote(str(journal.resolve()))}?mode=ro"
        with contextlib.closing(sqlite3.connect(address, uri=True)) as db:
            for model, payload in db.execute(query):
                found.setdefault(model, []).append(json.loads(payload))
    except sqlite3.DatabaseError as error:
        raise UserError(f"{journal}: the run journal cannot be read ({error}). Leave its run out.") from error
    return found


def _without(model: str, title: str, why: str) -> RunCost:
    return RunCost(
        model=model,
        title=title,
        fps=None,
        real_time_factor=None,
        ttff_ms=None,
        peak_device_gib=None,
        clips=0,
        reason=why,
        memory_reason=why,
    )


def rows(costs: RunCosts) -> list[tuple[str, list[str]]]:
    """Heading and one cell per model; empty where no model has a figure."""
    shown = [
        ("FPS, with VAE and host copy ↑", [number(cost.fps, 2) for cost in costs.costs]),
        ("real-time factor ↓", [number(cost.real_time_factor, 3) for cost in costs.costs]),
        ("time to first frame [ms] ↓", [number(cost.ttff_ms, 0) for cost in costs.costs]),
        ("peak device memory [GiB] ↓", [number(cost.peak_device_gib, 2) for cost in costs.costs]),
    ]
    return [row for row in shown if any(cell != number(None, 0) for cell in row[1])]


def remarks(costs: RunCosts) -> list[str]:
    """What a reader should know, and why figures are missing."""
    made = [cost for cost in costs.costs if cost.reason is None]
    lines = [
        f"taken from this run, {costs.workers} processes at once, other work, first blocks and compiling included; for "
        "what a model can do: liveact-eval bench",
        *(f"{cost.title}: {cost.clips} videos" for cost in made),
    ]
    reasons: dict[str, list[str]] = {}
    for cost in costs.costs:
        if cost.reason is not None:
            reasons.setdefault(cost.reason, []).append(cost.title)
        elif cost.memory_reason is not None:
            reasons.setdefault(f"no device memory, {cost.memory_reason}", []).append(cost.title)
    return lines + [f"{', '.join(titles)}: {reason}" for reason, titles in reasons.items()]


def markdown(costs: RunCosts) -> str:
    """The table as a page."""
    titles = [" ".join(cost.title.split()).replace("|", "\\|") for cost in costs.costs]
    lines = [f"| Efficiency | {' | '.join(titles)} |", "|:---|" + "---:|" * len(titles)]
    lines += [f"| {title} | {' | '.join(cells)} |" for title, cells in rows(costs)]
    return "\n".join([*lines, "", *(f"- {line}" for line in remarks(costs)), ""])


def any_made(costs: Iterable[RunCost]) -> bool:
    """Whether some model has a figure."""
    return any(cost.fps is not None for cost in costs)
