"""What follows from printed blocks: rates, latency, and what a viewer would have seen.

It is a model, not a live call. All sound was there from the start, so that blocks come one after the other without
waiting for speech; what a program counts into the time of a block is its own matter. The modelled call begins with the
first block that does not warm up, and the voice is heard from then on.
"""

from __future__ import annotations

from collections.abc import Sequence

from liveact_eval.efficiency import latency, playout, throughput
from liveact_eval.efficiency.printed import NO_SHOWN_FRAMES, PrintedVideo
from liveact_eval.efficiency.samples import percentile
from liveact_eval.efficiency.summary import Value

LATENCIES = ("block_p50_ms", "block_p95_ms", "block_p99_ms", "tail_ms")
RATES = ("fps_sustained", "frame_ms", "real_time_factor", "deadline_misses", "deadline_miss_share")
SEEN = ("stalls", "stalled_ms", "buffer_ms", "lip_delay_p95_ms")
PRINTED_FIGURES = ("ttff_ms", *LATENCIES, *RATES, *SEEN)
"""Names of all figures that follow from printed blocks."""


def printed_values(videos: Sequence[PrintedVideo], target_fps: float | None) -> dict[str, Value]:
    """Every figure of `PRINTED_FIGURES` over some videos together, or why there is none.

    Percentiles are of all their blocks and frames, stalls and misses are counted over all, the time to the first frame
    is a mean, the buffer the largest that a video needs.

    Args:
        videos: one or more.
        target_fps: frames per second at which deadlines are counted; `None`: the rate of the videos.
    """
    # Videos whose blocks all warm up have nothing to say; frames that are not said are said of none.
    told = [video for video in videos if video.steady]
    whole = [video for video in told if video.lacking is None]
    why = next((video.lacking for video in videos if video.lacking is not None), NO_SHOWN_FRAMES)
    found: dict[str, Value] = dict.fromkeys(PRINTED_FIGURES, why)
    if told:
        found |= _latencies(told)
    if whole:
        found |= _rates(whole, target_fps) | _seen(whole)
    return found


def first_frame_s(video: PrintedVideo) -> float:
    """Seconds to the first frame: by a line that says so, else what the first block took that does not warm up.

    Raises:
        ValueError: all blocks warm up, and no line says it.
    """
    if video.first_frame_s is not None:
        return video.first_frame_s
    if not video.steady:
        raise ValueError("all blocks warm up, and no line says when the first frame was there")
    return video.steady[0].seconds


def _latencies(videos: Sequence[PrintedVideo]) -> dict[str, Value]:
    seconds = [block.seconds for video in videos for block in video.steady]
    p50, p95, p99 = (1000 * percentile(seconds, q) for q in (50, 95, 99))
    first = sum(first_frame_s(video) for video in videos) / len(videos)
    return {
        "ttff_ms": 1000 * first,
        "block_p50_ms": p50,
        "block_p95_ms": p95,
        "block_p99_ms": p99,
        "tail_ms": p99 - p50,
    }


def _rates(videos: Sequence[PrintedVideo], target_fps: float | None) -> dict[str, Value]:
    steady = [(video, video.samples(steady=True)) for video in videos]
    blocks = [sample for _, samples in steady for sample in samples]
    computed_s = sum(sample.compute_s for sample in blocks)
    if not computed_s:
        return dict.fromkeys(RATES, "its block lines say that no time has passed")
    shown_s = sum(sample.frames / video.fps for video, samples in steady for sample in samples)
    fps = throughput.sustained_fps(blocks)
    misses = sum(latency.deadline_misses(samples, target_fps or video.fps) for video, samples in steady)
    return {
        "fps_sustained": fps,
        "frame_ms": 1000 / fps,
        "real_time_factor": computed_s / shown_s,
        "deadline_misses": float(misses),
        "deadline_miss_share": misses / len(blocks),
    }


def _seen(videos: Sequence[PrintedVideo]) -> dict[str, Value]:
    timelines = [video.timeline() for video in videos]
    shown = [playout.play(timeline) for timeline in timelines]
    return {
        "stalls": float(sum(playback.stalls for playback in shown)),
        "stalled_ms": 1000 * sum(playback.stalled_s for playback in shown),
        "buffer_ms": 1000 * max(playout.smoothest_delay_s(timeline) for timeline in timelines),
        "lip_delay_p95_ms": 1000 * percentile([s for playback in shown for s in playback.lip_delay_s], 95),
    }
