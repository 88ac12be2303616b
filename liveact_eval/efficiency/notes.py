"""What a reader should know before quoting a figure of a benchmark."""

from __future__ import annotations

from collections.abc import Sequence

from liveact_eval.efficiency.request import ADVISED_REPEATS, BenchPlan, BenchRequest
from liveact_eval.efficiency.schema import CaseRecord

_ENOUGH_BLOCKS = 50


def notes_of(plan: BenchPlan, cases: Sequence[CaseRecord], *, load: float | None, cores: int) -> list[str]:
    """All notes on a benchmark.

    Args:
        plan: what was measured.
        cases: with what result.
        load: of the machine at the start, in processes; `None`: not known.
        cores: of the machine.
    """
    return [
        *spread(plan.request, cases),
        *slow(cases),
        *_recipe(plan),
        *(line for case in cases for line in _real_time(case)),
        *busy(load, cores),
    ]


def spread(request: BenchRequest, cases: Sequence[CaseRecord]) -> list[str]:
    """What the number of repeats, clips and blocks says about the spread."""
    notes = []
    repeats = request.repeats
    if repeats < ADVISED_REPEATS:
        notes.append(f"{repeats} repeats: fewer than {ADVISED_REPEATS} say little about the spread")
    if request.dataset is not None:
        notes.append("each repeat is another clip: the spread is that of the clips too")
    fewest = min(_steady_per_repeat(case, repeats) for case in cases)
    if 0 < fewest < _ENOUGH_BLOCKS:
        notes.append(
            f"percentiles are of {fewest} steady blocks per repeat: p95 of fewer than 20, and p99 of fewer than 100, "
            "is the largest"
        )
    return notes


def _steady_per_repeat(case: CaseRecord, repeats: int) -> int:
    counts = dict.fromkeys(range(1, repeats + 1), 0)
    for block in case.blocks:
        if block.steady:
            counts[block.repeat] += 1
    return min(counts.values())


def slow(cases: Sequence[CaseRecord]) -> list[str]:
    """Which cases do not keep up with speech."""
    behind = [
        case.name
        for case in cases
        for figure in case.figures
        if figure.name == "real_time_factor" and (figure.value or 0) > 1
    ]
    if not behind:
        return []
    return [
        f"{', '.join(behind)}: slower than speech, so delays and stalls grow with the length of the video"
    ]


def _recipe(plan: BenchPlan) -> list[str]:
    notes = []
    recipe = plan.cases[0].recipe
    if recipe.weights is None:
        notes.append("weights are random: times are those of real ones, pictures are noise")
    if recipe.strategy is not None and recipe.strategy.slots is None:
        notes.append(f"the memory of {recipe.rollout} grows: the longer the video, the more a block costs")
    if recipe.options.speech == "whole":
        notes.append("sound is encoded as a whole, so nothing comes out before all of it has arrived")
    return notes


def _real_time(case: CaseRecord) -> list[str]:
    """How far the simulation of the same blocks is from what happened."""
    gaps = [block.real_ms - block.simulated_ms for block in case.live_blocks if block.real_ms is not None]
    if not gaps:
        return []
    return [
        f"{case.name}: blocks of the live call came {min(gaps):+.0f} to {max(gaps):+.0f} ms from where the simulation "
        f"puts them; sound was fed at most {case.sound_late_ms:.0f} ms late"
    ]


def busy(load: float | None, cores: int) -> list[str]:
    """Other work takes time from all figures."""
    if load is None or load < 0.5 * cores:
        return []
    return [
        f"other work was running: load {load:.1f} on {cores} cores at the start. Measure again on a quiet machine"
    ]
