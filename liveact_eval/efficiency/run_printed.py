"""What the programs of a run printed about their blocks, over all videos that it made."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from liveact_eval.efficiency.printed import PrintedVideo, printed_video
from liveact_eval.efficiency.printed_figures import printed_values
from liveact_eval.efficiency.summary import Value


class PrintedCost(BaseModel):
    """One model whose program prints block lines; times are the program's own, stalls and lip delay a model of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    videos: int
    """Videos with block lines; all figures are over all of them."""
    target_fps: float
    """Frames per second at which deadlines are counted: the rate of the program's videos."""
    blocks: int
    """Blocks of the steady state."""
    warm_up_blocks: int
    """Blocks that the card calls warm-up; they are in no figure."""
    fps: float | None
    """Frames of steady blocks over their seconds."""
    real_time_factor: float | None
    ttff_ms: float | None
    """Mean time to the first frame."""
    ttff_printed: bool
    """Whether a line said it in every video; else it is the time of the first block that does not warm up."""
    block_p50_ms: float | None
    block_p95_ms: float | None
    block_p99_ms: float | None
    deadline_misses: int | None
    """Steady blocks that took longer than their frames last."""
    stalls: int | None
    """Times that the picture would have stood still, in all videos together."""
    stalled_s: float | None
    """Seconds of that, in all videos together."""
    buffer_ms: float | None
    """Start delay without which some video would have stalled."""
    lip_delay_p95_ms: float | None
    """By how much frames would have been seen after their sound."""
    frames_printed: int | None
    """Frames of all blocks; `null` where lines do not say them."""
    frames_written: int
    """Frames of the files."""
    reason: str | None
    """Why some figures are missing."""


def printed_cost(details: Sequence[Mapping[str, Any]]) -> PrintedCost | str:
    """What the block lines of some videos come to, or why there are none.

    Args:
        details: `Generation.details` of each video, one or more.
    """
    found = [printed_video(item) for item in details]
    videos = [video for video in found if isinstance(video, PrintedVideo)]
    if not videos:
        return "; ".join(dict.fromkeys(why for why in found if isinstance(why, str)))
    target = statistics.median(video.fps for video in videos)
    values = printed_values(videos, target)
    printed = [video.frames for video in videos if video.frames is not None]
    stalled, misses, stalls = (_known(values[n]) for n in ("stalled_ms", "deadline_misses", "stalls"))
    return PrintedCost(
        videos=len(videos),
        target_fps=target,
        blocks=sum(len(video.steady) for video in videos),
        warm_up_blocks=sum(min(video.warm_up, len(video.blocks)) for video in videos),
        fps=_known(values["fps_sustained"]),
        real_time_factor=_known(values["real_time_factor"]),
        ttff_ms=_known(values["ttff_ms"]),
        ttff_printed=all(video.first_frame_s is not None for video in videos),
        block_p50_ms=_known(values["block_p50_ms"]),
        block_p95_ms=_known(values["block_p95_ms"]),
        block_p99_ms=_known(values["block_p99_ms"]),
        deadline_misses=None if misses is None else round(misses),
        stalls=None if stalls is None else round(stalls),
        stalled_s=None if stalled is None else stalled / 1000,
        buffer_ms=_known(values["buffer_ms"]),
        lip_delay_p95_ms=_known(values["lip_delay_p95_ms"]),
        frames_printed=sum(printed) if len(printed) == len(videos) else None,
        frames_written=sum(video.program_frames for video in videos),
        reason="; ".join(dict.fromkeys(v for v in values.values() if isinstance(v, str))) or None,
    )


def _known(value: Value) -> float | None:
    return None if isinstance(value, str) else value
