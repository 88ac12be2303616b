"""Times that a program prints: blocks, loading, first frame."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from liveact_eval.cards.command_rules import TimingLine

Details = dict[str, str | int | float]


@dataclass(frozen=True)
class Block:
    """A block of frames."""

    seconds: float
    """What it took."""
    frames: int | None
    """Its frames; `None`: not said."""
    steady: bool
    """Whether it counts: it does not warm up."""


@dataclass
class Timings:
    """What a log says about time."""

    blocks: list[Block] = field(default_factory=list)
    load_s: float | None = None
    first_frame_s: float | None = None
    total_s: float | None = None

    def details(self) -> Details:
        """Numbers for `Generation.details`; what was not said is not there.

        `blocks` holds all of them in order, warm-up too, as JSON: [[seconds, frames or null], ...].
        """
        said = {"load_s": self.load_s, "first_frame_s": self.first_frame_s, "total_s": self.total_s}
        found: Details = {name: value for name, value in said.items() if value is not None}
        if not self.blocks:
            return found
        found["blocks"] = json.dumps([[block.seconds, block.frames] for block in self.blocks])
        steady = [block for block in self.blocks if block.steady]
        found["warm_up_blocks"] = len(self.blocks) - len(steady)
        seconds = sum(block.seconds for block in steady)
        frames = [block.frames for block in steady if block.frames is not None]
        if steady and len(frames) == len(steady) and seconds > 0:
            found["fps_sustained"] = sum(frames) / seconds
        return found


def read_timings(lines: Iterable[str], rules: Sequence[TimingLine]) -> Timings:
    """Find the lines that the rules describe.

    Of several lines about loading, the first frame or the whole, the last counts.
    """
    found = Timings()
    patterns = [(rule, re.compile(rule.pattern)) for rule in rules]
    seen = {id(rule): 0 for rule in rules}
    for text in lines:
        for rule, pattern in patterns:
            match = pattern.search(text)
            seconds = None if match is None else _seconds(match)
            if match is None or seconds is None:
                continue
            if rule.kind == "block":
                steady = seen[id(rule)] >= rule.skip
                seen[id(rule)] += 1
                found.blocks.append(Block(seconds, _frames(match, rule), steady))
            elif rule.kind == "load":
                found.load_s = seconds
            elif rule.kind == "first_frame":
                found.first_frame_s = seconds
            else:
                found.total_s = seconds
            break
    return found


def _seconds(match: re.Match[str]) -> float | None:
    """The time of a line; `None` where what the group took is no number."""
    groups = match.groupdict()
    text, scale = (
        (groups["seconds"], 1.0) if groups.get("seconds") is not None else (groups.get("ms"), 1000.0)
    )
    try:
        seconds = math.nan if text is None else float(text.replace(",", "")) / scale
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) else None


def _frames(match: re.Match[str], rule: TimingLine) -> int | None:
    text = match.groupdict().get("frames")
    return int(text) if text is not None and text.isdecimal() else rule.frames
