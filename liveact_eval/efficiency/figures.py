"""The figures of a benchmark: what each is called and means, and its spread over the repeats."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict


class FigureSpec(NamedTuple):
    """A quantity."""

    name: str
    """Name in files, with its unit."""
    title: str
    """Name in tables."""
    unit: str
    digits: int
    direction: Literal["up", "down", "none"]
    """What is good."""


FIGURES = (
    FigureSpec("fps_sustained", "FPS, with VAE and host copy", "frames/s", 2, "up"),
    FigureSpec("fps_without_host_copy", "FPS without host copy", "frames/s", 2, "up"),
    FigureSpec("fps_without_vae", "FPS without VAE and host copy", "frames/s", 2, "up"),
    FigureSpec("fps_with_encoding", "FPS with video encoding", "frames/s", 2, "up"),
    FigureSpec("frame_ms", "time per frame", "ms", 1, "down"),
    FigureSpec("real_time_factor", "real-time factor", "", 3, "down"),
    FigureSpec("ttff_ms", "time to first frame, all sound there", "ms", 0, "down"),
    FigureSpec("ttff_live_ms", "time to first frame, live", "ms", 0, "down"),
    FigureSpec("block_p50_ms", "block latency p50", "ms", 0, "down"),
    FigureSpec("block_p95_ms", "block latency p95", "ms", 0, "down"),
    FigureSpec("block_p99_ms", "block latency p99", "ms", 0, "down"),
    FigureSpec("tail_ms", "block latency p99 less p50", "ms", 0, "down"),
    FigureSpec("jitter_ms", "jitter of the blocks, live", "ms", 0, "down"),
    FigureSpec("deadline_misses", "deadline misses at the target FPS", "blocks", 0, "down"),
    FigureSpec("deadline_miss_share", "share of blocks that miss", "", 3, "down"),
    FigureSpec("look_ahead_ms", "look-ahead", "ms", 0, "down"),
    FigureSpec("look_ahead_first_ms", "look-ahead of the first block", "ms", 0, "down"),
    FigureSpec("block_wait_ms", "wait for the rest of a block", "ms", 0, "down"),
    FigureSpec("delay_mean_ms", "end-to-end delay, mean", "ms", 0, "down"),
    FigureSpec("delay_p95_ms", "end-to-end delay, p95", "ms", 0, "down"),
    FigureSpec("delay_max_ms", "end-to-end delay, largest", "ms", 0, "down"),
    FigureSpec("reaction_mean_ms", "silence to speech, mean", "ms", 0, "down"),
    FigureSpec("reaction_max_ms", "silence to speech, largest", "ms", 0, "down"),
    FigureSpec("stalls", "stalls without a buffer", "", 0, "down"),
    FigureSpec("stalled_ms", "stalled without a buffer", "ms", 0, "down"),
    FigureSpec("buffer_ms", "buffer that avoids every stall", "ms", 0, "down"),
    FigureSpec("lip_delay_p95_ms", "lip delay, p95", "ms", 0, "down"),
    FigureSpec("peak_device_gib", "peak device memory", "GiB", 2, "down"),
    FigureSpec("peak_host_gib", "peak host memory", "GiB", 2, "down"),
    FigureSpec("kv_counted_mib", "keys and values, counted", "MiB", 3, "down"),
    FigureSpec("kv_measured_mib", "keys and values, measured", "MiB", 3, "down"),
    FigureSpec("nfe", "model calls per block", "", 0, "down"),
    FigureSpec("tflop_per_frame", "operations per frame", "TFLOP", 4, "none"),
    FigureSpec("achieved_tflops", "achieved rate", "TFLOP/s", 3, "up"),
    FigureSpec("mfu", "share of the dense peak", "", 4, "up"),
    FigureSpec("energy_per_frame_j", "energy per frame", "J", 2, "down"),
)
"""All quantities, in the order of the table."""


class Figure(BaseModel):
    """A quantity of one case, with its spread over the repeats."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    unit: str
    digits: int
    direction: Literal["up", "down", "none"]
    value: float | None
    """Median over the repeats; `null` where no repeat has one."""
    low: float | None
    """Smallest of the repeats."""
    high: float | None
    """Largest of the repeats."""
    cv: float | None
    """Standard deviation over mean; `null` where there are fewer than two, or the mean is 0."""
    n: int
    """Repeats that have a number."""
    values: list[float | None]
    """Of each repeat, in order."""
    reason: str | None
    """Why there is no value, or why some repeats have none."""


def figure(spec: FigureSpec, values: Sequence[float | str]) -> Figure:
    """A quantity from what each repeat says of it.

    Args:
        spec: which one.
        values: of each repeat: a number, or why there is none.
    """
    known = [float(value) for value in values if not isinstance(value, str)]
    reasons = dict.fromkeys(value for value in values if isinstance(value, str))
    mean = statistics.fmean(known) if known else 0.0
    return Figure(
        **spec._asdict(),
        value=statistics.median(known) if known else None,
        low=min(known, default=None),
        high=max(known, default=None),
        cv=statistics.stdev(known) / abs(mean) if len(known) > 1 and mean else None,
        n=len(known),
        values=[None if isinstance(value, str) else float(value) for value in values],
        reason="; ".join(reasons) or (None if known else "there is no repeat"),
    )
