"""A trace for people: one row per group of model calls that look at the same frames, in short words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from liveact_eval.rollouts.trace import TracedCall, TracedKey


class CallGroup(NamedTuple):
    """Calls, one after the other, that differ in nothing but their levels."""

    calls: tuple[TracedCall, ...]

    @property
    def first(self) -> TracedCall:
        """The first of them."""
        return self.calls[0]


def grouped(calls: Iterable[TracedCall]) -> list[CallGroup]:
    """Groups of calls in their order. Calls without speech, which guidance adds, say nothing new and are left out."""
    heard = [call for call in calls if call.heard]
    return [CallGroup(tuple(group)) for _, group in groupby(heard, key=_likeness)]


def row_of(group: CallGroup) -> dict[str, str]:
    """A row of a table."""
    call = group.first
    numbers = (call.number, group.calls[-1].number)
    return {
        "call": str(numbers[0]) if numbers[0] == numbers[1] else f"{numbers[0]}-{numbers[1]}",
        "block": str(call.block),
        "purpose": call.purpose,
        "levels": _levels(group.calls),
        "frames": _spans(call.own),
        "looks at": "; ".join(
            f"{kind} {_spans(list(keys))}" for kind, keys in groupby(call.past, key=lambda key: key.kind)
        )
        or "itself",
        "keeps": _runs(call.written) or "nothing",
        "in memory": str(group.calls[-1].held),
    }


def _likeness(call: TracedCall) -> tuple[object, ...]:
    looked_at = tuple((key.frames, key.position, key.kind) for key in call.past)
    return (call.block, call.turn, call.purpose, call.frames, looked_at, call.mask, call.written)


def _levels(calls: Sequence[TracedCall]) -> str:
    """Levels of one call frame by frame, or of many calls one after the other."""
    if len(calls) == 1:
        runs = [(level, len(list(run))) for level, run in groupby(calls[0].timesteps)]
        return " ".join(_level(level) if len(runs) == 1 else f"{_level(level)}x{n}" for level, n in runs)
    levels = [_level(call.timesteps[0]) for call in calls]
    return ", ".join(levels if len(levels) <= 6 else [*levels[:2], "...", levels[-1]])


def _level(timestep: float) -> str:
    return f"{timestep:.1f}".removesuffix(".0")


def _spans(keys: Sequence[TracedKey]) -> str:
    """Frames, and the positions at which they stand where those differ."""
    parts = []
    for run in _neighbours(keys):
        first, last = run[0], run[-1]
        frames = _span(first.frames[0], last.frames[-1])
        place = _span(first.position, last.position)
        parts.append(frames if place == frames else f"{frames} @ {place}")
    return ", ".join(parts)


def _neighbours(keys: Sequence[TracedKey]) -> list[list[TracedKey]]:
    """Runs of single frames whose numbers and positions both rise by one."""
    runs: list[list[TracedKey]] = []
    for key in keys:
        before = runs[-1][-1] if runs else None
        if (
            before is not None
            and len(before.frames) == len(key.frames) == 1
            and key.frames[0] == before.frames[0] + 1
            and key.position == before.position + 1
        ):
            runs[-1].append(key)
        else:
            runs.append([key])
    return runs


def _runs(frames: Sequence[int]) -> str:
    keys = [TracedKey(frames=(f,), position=f, kind="own", timestep=None) for f in frames]
    return _spans(keys)


def _span(first: int, last: int) -> str:
    named = "picture" if first == -1 else str(first)
    return named if first == last else f"{named}-{last}"
