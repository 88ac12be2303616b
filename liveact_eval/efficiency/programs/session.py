"""A benchmark of a program from its plan to its result: a cold video first, then the repeats, size by size.

Nothing is timed here but whole videos, from outside. What is known of blocks the program prints.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from liveact_eval.clips.clip import Clip, printable, safe_name
from liveact_eval.efficiency.gpu_watch import GpuWatch
from liveact_eval.efficiency.machine import fingerprint_of
from liveact_eval.efficiency.measure import Told
from liveact_eval.efficiency.nvml import Nvml, open_nvml
from liveact_eval.efficiency.programs.clips import program_clips
from liveact_eval.efficiency.programs.figures import program_figures
from liveact_eval.efficiency.programs.notes import program_notes
from liveact_eval.efficiency.programs.printing import (
    check_steady,
    has_playout,
    printed_records,
    printed_warm_up,
)
from liveact_eval.efficiency.programs.request import ProgramCase, ProgramPlan
from liveact_eval.efficiency.programs.said import device_of, origin_of, ran_of
from liveact_eval.efficiency.schema import CaseRecord, Efficiency
from liveact_eval.generators.command.devices import visible_devices
from liveact_eval.generators.plan_video import told_plainly
from liveact_eval.generators.protocol import Generation
from liveact_eval.results.provenance import gather

VIDEOS, LOGS = "videos", "logs"
_UNKNOWN_GPU = (
    "which of several GPUs the program gets is not known before: let CUDA_VISIBLE_DEVICES show those only"
)


def measure_programs(plan: ProgramPlan, told: Told) -> Efficiency:
    """Do what was planned; logs are left in the folder `logs`, of a dataset with its videos in `videos`.

    Args:
        plan: what to do.
        told: hears of every video: how many frames the program made.

    Raises:
        UserError: a video cannot be made, or is too short for a steady state.
    """
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    opened = _open_gpu(plan)
    before = None if isinstance(opened, str) else opened.state()
    gpu = GpuWatch(None if isinstance(opened, str) else opened.state)
    with told_plainly(), gpu:
        made = [_make_videos(plan, case, told) for case in plan.cases]
    cases = [_record(plan, case, *videos) for case, videos in zip(plan.cases, made, strict=True)]
    provenance = gather()
    device = device_of(provenance, plan.spec.gpu.count)
    processors = int(provenance["machine"]["cores"])
    return Efficiency(
        name=printable(plan.request.out.resolve().name),
        date=datetime.now(timezone.utc).date().isoformat(),
        model=plan.card.name,
        title=plan.card.title,
        runs_as="program" if plan.spec.worker is None else "loaded function",
        device=device,
        device_count=max(1, plan.spec.gpu.count),
        precision="precision as the program has it",
        weights=origin_of(plan.spec),
        playback_fps=plan.fps,
        target_fps=plan.target_fps,
        repeats=plan.request.repeats,
        threads=processors,
        live_call="printed" if any(map(has_playout, cases)) else "none",
        dataset=plan.request.dataset,
        quality=None,
        fingerprint=fingerprint_of(provenance, device=device, threads=processors),
        provenance=provenance | {"seed": plan.request.seed, "load_at_start": load},
        gpu_before=before,
        gpu_while=gpu.load(),
        gpu_after=None if isinstance(opened, str) else opened.state(),
        gpu_reason=opened if isinstance(opened, str) else None,
        notes=program_notes(plan, cases, [videos for _, videos in made], load=load, cores=processors),
        cases=cases,
    )


def _make_videos(plan: ProgramPlan, case: ProgramCase, told: Told) -> tuple[Generation, list[Generation]]:
    """The cold video, and that of each repeat."""
    kept = plan.request.dataset is not None
    # Not a temporary one: whoever doubts a figure reads what the program printed.
    folder = plan.request.out / (VIDEOS if kept else LOGS)
    folder.mkdir(parents=True, exist_ok=True)

    def make(clip: Clip, name: str, *, keep: bool) -> Generation:
        out = folder / f"{name}{plan.generator.suffix(clip)}"
        one = plan.generator.generate(clip, out, plan.request.seed)
        told(int(one.details["program_frames"]))
        if not keep:
            out.unlink()
        return one

    with tempfile.TemporaryDirectory(prefix="liveact-eval-bench-") as inputs:
        clips = program_clips(plan, case, Path(inputs))
        first = next(clips)
        cold = make(first, f"cold-{case.name}", keep=False)
        check_steady(cold, plan)
        videos = []
        for number in range(1, plan.request.repeats + 1):
            clip = first if number == 1 else next(clips)
            name = safe_name(clip.id) if kept else f"{case.name}-{number}"
            videos.append(make(clip, name, keep=kept))
    return cold, videos


def _record(plan: ProgramPlan, case: ProgramCase, cold: Generation, made: Sequence[Generation]) -> CaseRecord:
    blocks, live_blocks = printed_records(cold, made)
    return CaseRecord(
        name=case.name,
        size=case.size,
        latents_per_block=None,
        frames=int(made[0].details["program_frames"]),
        ran=ran_of(plan, made[0]),
        figures=program_figures(made, plan.card.name, plan.target_fps),
        stages=[],
        warm_up=printed_warm_up(cold),
        operations_tflop=None,
        operations_rule="operations of a program are not counted",
        peak=None,
        blocks=blocks,
        live_blocks=live_blocks,
        sound_late_ms=None,
        video_s=[one.seconds for one in made],
    )


def _open_gpu(plan: ProgramPlan) -> Nvml | str:
    """The first GPU of the program, or why it cannot be looked at."""
    count = plan.spec.gpu.count
    if not count:
        return open_nvml(None)
    devices = visible_devices()
    return open_nvml(devices[0].uuid) if len(devices) == count else _UNKNOWN_GPU
