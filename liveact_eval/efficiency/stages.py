"""Where the time of a steady block goes, stage by stage."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from liveact_eval.efficiency.samples import ENCODE, BlockSample, Recording

UNCLAIMED = "unclaimed"
"""What no stage was charged with."""


class StageRecord(BaseModel):
    """One stage of the steady blocks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    ms_per_block: float
    """Median over the repeats of its mean over steady blocks, in milliseconds."""
    low_ms: float
    """Smallest of the repeats."""
    high_ms: float
    """Largest of the repeats."""
    share: float
    """Of the time of all steady blocks of all repeats."""
    beside: bool
    """Whether it is measured beside the block's time and so no part of it."""


def stage_records(recordings: Sequence[Recording]) -> list[StageRecord]:
    """The stages of all repeats, in the order in which they come in a block, then what is left, then what is beside."""
    every = [block for recording in recordings for block in recording.steady]
    total = sum(block.compute_s for block in every)
    names = list(dict.fromkeys(name for block in every for name, _ in block.stages))
    wanted = [*names, UNCLAIMED, *([ENCODE] if any(block.encode_s for block in every) else [])]
    records = []
    for name in wanted:
        means = [
            statistics.fmean(spent(block, name) for block in recording.steady) for recording in recordings
        ]
        records.append(
            StageRecord(
                name=name,
                ms_per_block=1000 * statistics.median(means),
                low_ms=1000 * min(means),
                high_ms=1000 * max(means),
                share=sum(spent(block, name) for block in every) / total,
                beside=name == ENCODE,
            )
        )
    return records


def spent(block: BlockSample, name: str) -> float:
    """Seconds that a block spent in a stage."""
    if name == ENCODE:
        return block.encode_s
    if name == UNCLAIMED:
        return block.compute_s - sum(seconds for _, seconds in block.stages)
    return sum(seconds for stage, seconds in block.stages if stage == name)
