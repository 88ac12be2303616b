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

from pydantic import BaseModel, ConfigDict, ValidationError

from liveact_eval.efficiency.run_printed import PrintedCost, printed_cost
from liveact_eval.errors import UserError

COSTS = "efficiency.json"
"""File in a run's folder of tables."""
COMMAND = "command"
_PARTS = ("condition_s", "dit_s", "vae_s", "host_s")
_WHY_NOT = {
    "control": "a control, made from the real clip",
    "videos": "made elsewhere",
}
_EARLIER = "made by an earlier command"
_PROGRAM = "made by a program, of which only what it prints is known"
_NOT_PRINTED = "made here, where each part is timed, and not by a program that prints block lines"
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
    printed: PrintedCost | None = None
    """Of a program: what it printed about its blocks, and what a viewer would have seen by that."""
    printed_reason: str | None = None
    """Why there is nothing of that."""
    is_program: bool = False
    """Whether a program made its videos."""


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
    if kind == COMMAND and details:
        return _of_program(model, title, details)
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
        printed_reason=_NOT_PRINTED,
    )


def _of_program(model: str, title: str, details: Sequence[Mapping[str, Any]]) -> RunCost:
    told = printed_cost(details)
    blank = _without(model, title, _PROGRAM)
    known: dict[str, Any] = {"printed_reason": told} if isinstance(told, str) else {"printed": told}
    return blank.model_copy(
        update={"clips": len(details), "is_program": True, "printed_reason": None} | known
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
        printed_reason=why,
    )


def any_made(costs: Iterable[RunCost]) -> bool:
    """Whether some model made videos here: it has figures, or a reason of its own why it has none."""
    return any(cost.clips for cost in costs)


def read_run_costs(path: Path) -> RunCosts | None:
    """What a run's folder of tables says; `None` where the run has made no video, or is of an earlier version.

    Raises:
        UserError: the file is damaged.
    """
    if not path.is_file():
        return None
    try:
        return RunCosts.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise UserError(
            f"{path}: expected what a run writes there, found {error.error_count()} faults, the first: "
            f"{error.errors()[0]['msg']}. Remove it, or do the run again."
        ) from error
