"""From recordings to figures: what each repeat says of each quantity."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from liveact_eval.efficiency import delay, latency, playout, throughput, utilisation
from liveact_eval.efficiency.figures import FIGURES, Figure, figure
from liveact_eval.efficiency.live import LiveCall
from liveact_eval.efficiency.samples import Recording, percentile
from liveact_eval.efficiency.simulator import simulate, works_of

Value = float | str
"""A number, or why there is none."""
_NO_STAGE = "the generator does not time this part apart"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known beside the times."""

    target_fps: float
    """Frames per second that a block must keep up with."""
    kv_counted: int | str
    """Bytes of keys and values by arithmetic, or why there is no count."""
    tflop_per_frame: float | str
    """Operations per frame, or why there is no count."""
    device: str
    """Name as PyTorch gives it, or `cpu`."""
    precision: str
    """Of the products that the peak is for."""
    no_energy: str
    """Why there is no energy, where there is none."""
    encodes: bool = True
    """Whether frames were written to a video."""


def summarise(
    recordings: Sequence[Recording], facts: Facts, calls: Sequence[LiveCall] | None = None
) -> list[Figure]:
    """All figures over all repeats.

    Args:
        recordings: of each repeat.
        facts: what is known beside the times.
        calls: the same videos in real time; `None`: the live call of each is simulated.

    Raises:
        ValueError: a call is not of the same blocks as its recording.
    """
    made = calls or [simulated(recording) for recording in recordings]
    by_repeat = [_figures_of(*pair, facts) for pair in zip(recordings, made, strict=True)]
    return [figure(spec, [values[spec.name] for values in by_repeat]) for spec in FIGURES]


def simulated(recording: Recording) -> LiveCall:
    """The recording as a live call: when its blocks would come."""
    timeline = simulate(works_of(recording), float(recording.fps))
    return LiveCall(timeline=timeline, open_s=recording.open_s, late_s=0.0)


def _figures_of(recording: Recording, call: LiveCall, facts: Facts) -> dict[str, Value]:
    return (
        _rates(recording, facts)
        | _latencies(recording, facts)
        | _live_call(recording, call)
        | _memory(recording, facts)
        | _work(recording, facts)
    )


def _rates(recording: Recording, facts: Facts) -> dict[str, Value]:
    steady = recording.steady
    fps = throughput.sustained_fps(steady)
    host, vae = (throughput.has_stage(steady, name) for name in (throughput.HOST, throughput.VAE))
    without_host: Value = _NO_STAGE
    without_vae: Value = _NO_STAGE
    if host:
        without_host = throughput.sustained_fps(steady, without=(throughput.HOST,))
    if host and vae:
        without_vae = throughput.sustained_fps(steady, without=(throughput.VAE, throughput.HOST))
    encoded: Value = "no video was written"
    if facts.encodes:
        encoded = throughput.sustained_fps(steady, encoding=True)
    return {
        "fps_sustained": fps,
        "fps_without_host_copy": without_host,
        "fps_without_vae": without_vae,
        "fps_with_encoding": encoded,
        "frame_ms": 1000 / fps,
        "real_time_factor": throughput.real_time_factor(steady, recording.fps),
    }


def _latencies(recording: Recording, facts: Facts) -> dict[str, Value]:
    steady = recording.steady
    p50, p95, p99 = (1000 * latency.block_percentile_s(steady, q) for q in (50, 95, 99))
    misses = latency.deadline_misses(steady, facts.target_fps)
    return {
        "ttff_ms": 1000 * latency.time_to_first_frame_s(recording),
        "block_p50_ms": p50,
        "block_p95_ms": p95,
        "block_p99_ms": p99,
        "tail_ms": p99 - p50,
        "deadline_misses": float(misses),
        "deadline_miss_share": misses / len(steady),
    }


def _live_call(recording: Recording, call: LiveCall) -> dict[str, Value]:
    """What a live call is like."""
    timeline, fps, first = call.timeline, call.timeline.fps, recording.settling
    if [e.frames for e in timeline.emissions] != [b.frames for b in recording.blocks]:
        raise ValueError("the live call has other blocks than the recording; expected the same video")
    steady = timeline.emissions[first : first + len(recording.steady)]
    # From one steady block to the next: what came before them stands in no interval.
    intervals = timeline.intervals(first + 1)[: len(steady) - 1]
    jitter = latency.jitter_s(intervals, [s.frames for s in recording.steady[1:]], fps)
    delays, reactions = delay.frame_delays_s(steady, fps), delay.reactions_s(steady, fps)
    shown = playout.play(timeline)
    ahead = [delay.look_ahead_s(*pair, fps) for pair in zip(recording.steady, steady, strict=True)]
    wait = max(delay.block_wait_s(emission, fps) for emission in steady)
    seconds: dict[str, Value] = {
        "ttff_live_ms": call.open_s + timeline.emissions[0].at_s,
        "jitter_ms": "fewer than three steady blocks" if jitter is None else jitter,
        "look_ahead_ms": max(ahead),
        "look_ahead_first_ms": delay.look_ahead_s(recording.blocks[0], timeline.emissions[0], fps),
        "block_wait_ms": wait,
        "delay_mean_ms": statistics.fmean(delays),
        "delay_p95_ms": percentile(delays, 95),
        "delay_max_ms": max(delays),
        "reaction_mean_ms": statistics.fmean(reactions),
        "reaction_max_ms": max(reactions),
        "stalled_ms": shown.stalled_s,
        "buffer_ms": playout.smoothest_delay_s(timeline),
        "lip_delay_p95_ms": percentile(shown.lip_delay_s, 95),
    }
    found = _each(seconds, lambda value: 1000 * value)
    return found | {"stalls": float(shown.stalls)}


def _memory(recording: Recording, facts: Facts) -> dict[str, Value]:
    def in_gib(value: int | None, why: str) -> Value:
        return why if value is None else value / 2**30

    counted, measured = facts.kv_counted, recording.kv_bytes
    return {
        "peak_device_gib": in_gib(recording.device_peak_bytes, "the device has no memory of its own"),
        "peak_host_gib": in_gib(recording.host_peak_bytes, "the system does not say"),
        "kv_counted_mib": counted if isinstance(counted, str) else counted / 2**20,
        "kv_measured_mib": "the generator does not say" if measured is None else measured / 2**20,
    }


def _work(recording: Recording, facts: Facts) -> dict[str, Value]:
    steady = recording.steady
    calls = [block.model_calls for block in steady if block.model_calls is not None]
    frames = sum(block.frames for block in recording.blocks)
    energy: Value = facts.no_energy if recording.energy_j is None else recording.energy_j / frames
    nfe: Value = statistics.median(calls) if calls else "the generator does not say"
    if isinstance(facts.tflop_per_frame, str):
        why = facts.tflop_per_frame
        rates: dict[str, Value] = dict.fromkeys(("tflop_per_frame", "achieved_tflops", "mfu"), why)
    else:
        used = utilisation.utilisation(
            facts.tflop_per_frame, throughput.sustained_fps(steady), facts.device, facts.precision
        )
        rates = {
            "tflop_per_frame": facts.tflop_per_frame,
            "achieved_tflops": used.achieved_tflops,
            "mfu": used.reason or "unknown" if used.share is None else used.share,
        }
    return {"nfe": nfe, "energy_per_frame_j": energy} | rates


def _each(values: dict[str, Value], change: Callable[[float], float]) -> dict[str, Value]:
    return {name: value if isinstance(value, str) else change(value) for name, value in values.items()}
