"""How long a block takes, how evenly, and how often too long."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from liveact_eval.efficiency.samples import BlockSample, Recording, percentile


def time_to_first_frame_s(recording: Recording) -> float:
    """Seconds from a request with all inputs at hand, the sound too, until the first frames are on the host.

    Loading weights is not in it. Papers call it start-up latency.
    """
    return recording.open_s + recording.blocks[0].compute_s


def block_percentile_s(blocks: Sequence[BlockSample], q: float) -> float:
    """Seconds that `q` per cent of the blocks do not exceed."""
    return percentile([block.compute_s for block in blocks], q)


def jitter_s(intervals: Sequence[float], frames: Sequence[int], fps: float) -> float | None:
    """Standard deviation of how much later than one block's playing time each block comes after the one before.

    Args:
        intervals: seconds between blocks.
        frames: frames of each block that ends an interval.
        fps: frames per second at which they are played.

    Returns:
        Seconds; `None` where there are fewer than two intervals.
    """
    late = [interval - count / fps for interval, count in zip(intervals, frames, strict=True)]
    return statistics.stdev(late) if len(late) > 1 else None


def deadline_misses(blocks: Sequence[BlockSample], target_fps: float) -> int:
    """Blocks that took longer than their frames last at the target rate."""
    # Equal up to rounding is in time.
    return sum(block.compute_s > block.frames / target_fps * (1 + 1e-9) for block in blocks)
