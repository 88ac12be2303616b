"""A benchmark from its plan to its result: a cold video first, then the repeats, case by case."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from liveact_eval.clips.clip import printable
from liveact_eval.clips.video import SOUND_RATE_HZ
from liveact_eval.efficiency.clips import Said, dataset_clips, drawn_clip
from liveact_eval.efficiency.clock import Clock, MonotonicClock
from liveact_eval.efficiency.latency import time_to_first_frame_s
from liveact_eval.efficiency.machine import fingerprint_of
from liveact_eval.efficiency.measure import Told, record
from liveact_eval.efficiency.memory import ProcessMemory
from liveact_eval.efficiency.native import NativeStreaming, counted_kv_bytes
from liveact_eval.efficiency.nvml import GpuState, Nvml, open_nvml
from liveact_eval.efficiency.peaks import peak_of
from liveact_eval.efficiency.records import block_records
from liveact_eval.efficiency.request import ADVISED_REPEATS, COLD_BLOCKS, BenchPlan, Case
from liveact_eval.efficiency.samples import Recording
from liveact_eval.efficiency.schema import CaseRecord, Denominator, Efficiency, WarmUp
from liveact_eval.efficiency.stages import stage_records
from liveact_eval.efficiency.summary import Facts, summarise
from liveact_eval.efficiency.video_sink import VideoSink
from liveact_eval.errors import UserError
from liveact_eval.generators.plan_video import told_plainly
from liveact_eval.generators.recipe import build_pipeline, place
from liveact_eval.results.provenance import gather

if TYPE_CHECKING:
    import torch

    from liveact_eval.efficiency.operations import OperationCount
    from liveact_eval.liveact.pipeline import LiveActPipeline


def measure_cases(plan: BenchPlan, told: Told, clock: Clock | None = None) -> Efficiency:
    """Do what was planned; videos of a dataset's clips are left in the folder `videos`.

    Args:
        plan: what to do.
        told: hears of every block.
        clock: what time it is.

    Raises:
        UserError: memory ran out, or clips do not fit.
    """
    import torch

    watch = clock or MonotonicClock()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    device, _, dtype = place(plan.cases[0].recipe)
    opened = open_nvml(_uuid(device))
    before = _state(opened)
    with told_plainly():
        try:
            cases = [_measure(plan, case, told, watch, opened) for case in plan.cases]
        except torch.cuda.OutOfMemoryError as error:
            raise UserError(
                f"The GPU ran out of memory: {error} Take a smaller --size, or --set fp8_cache=true."
            ) from error
        described = build_pipeline(plan.cases[-1].recipe).describe()
    provenance = gather()
    name = device_title(device)
    threads = torch.get_num_threads()
    recipe = plan.cases[0].recipe
    return Efficiency(
        name=printable(plan.request.out.resolve().name),
        date=datetime.now(timezone.utc).date().isoformat(),
        model=plan.card.name,
        title=plan.card.title,
        device=name,
        precision=str(dtype).removeprefix("torch."),
        weights=recipe.origin,
        ran=described,
        playback_fps=plan.fps,
        target_fps=plan.target_fps,
        repeats=plan.request.repeats,
        threads=threads,
        dataset=plan.request.dataset,
        quality=None,
        fingerprint=fingerprint_of(provenance, device=name, threads=threads),
        provenance=provenance | {"seed": plan.request.seed, "load_at_start": load},
        gpu_before=before,
        gpu_after=_state(opened),
        gpu_reason=opened if isinstance(opened, str) else None,
        notes=[*_notes(plan, cases), *_busy(load, provenance["machine"]["cores"])],
        cases=cases,
    )


def device_title(device: torch.device) -> str:
    """The GPU's own name, or `cpu`."""
    import torch

    return str(torch.cuda.get_device_name(device)) if device.type == "cuda" else device.type


def _measure(plan: BenchPlan, case: Case, told: Told, clock: Clock, opened: Nvml | str) -> CaseRecord:
    from liveact_eval.liveact.compiled import graphs_compiled

    device, _, dtype = place(case.recipe)
    began = clock.now()
    pipeline = build_pipeline(case.recipe)
    build_s = clock.now() - began
    memory = ProcessMemory(device)
    energy = None if isinstance(opened, str) else opened.energy_j

    def make(said: Said, seed: int, out: Path, blocks: int | None) -> Recording:
        with NativeStreaming(pipeline, said.inputs) as generator, VideoSink(out, said) as sink:
            return record(
                generator,
                said.sound,
                SOUND_RATE_HZ,
                seed=seed,
                clock=clock,
                memory=memory,
                sink=sink,
                energy=energy,
                told=told,
                blocks=blocks,
            )

    graphs = graphs_compiled()
    with _clips(plan, case) as (clips, folder):
        first = next(clips)
        cold = make(first, plan.request.seed, folder / "cold.mp4", COLD_BLOCKS)
        (folder / "cold.mp4").unlink()
        compiled = graphs_compiled()
        recordings = []
        for repeat in range(1, plan.request.repeats + 1):
            said = first if repeat == 1 else next(clips)
            name = said.name if plan.request.dataset is not None else f"{said.name}-{repeat}"
            made = make(said, plan.request.seed, folder / f"{name}.mp4", None)
            if not made.steady:
                raise UserError(
                    f"{said.name} is {len(made.blocks)} blocks long, {made.settling} of which are warm-up: no steady "
                    "state is left to time. Take a dataset with longer clips."
                )
            recordings.append(made)
    counted, rule = _operations(plan, case)
    precision = _precision(pipeline, dtype)
    facts = Facts(
        target_fps=plan.target_fps,
        kv_counted=counted_kv_bytes(case.recipe, case.size, dtype),
        tflop_per_frame=rule if counted is None else counted.tflop_per_frame,
        device=device_title(device),
        precision=precision,
        no_energy=opened if isinstance(opened, str) else "the GPU does not count its energy",
    )
    peak = peak_of(facts.device, precision)
    return CaseRecord(
        name=case.name,
        size=case.size,
        latents_per_block=case.latents,
        frames=sum(block.frames for block in recordings[0].blocks),
        figures=summarise(recordings, facts),
        stages=stage_records(recordings),
        warm_up=WarmUp(
            build_s=build_s,
            ttff_cold_ms=1000 * time_to_first_frame_s(cold),
            graphs_compiled=compiled - graphs,
            graphs_compiled_later=graphs_compiled() - compiled,
        ),
        operations_tflop=None if counted is None else counted.components,
        operations_rule=rule,
        peak=None if peak is None else Denominator(**peak._asdict()),
        blocks=block_records(cold, recordings),
    )


@contextlib.contextmanager
def _clips(plan: BenchPlan, case: Case) -> Iterator[tuple[Iterator[Said], Path]]:
    """The clips of the repeats, and where their videos go: kept where they will be scored."""
    import tempfile

    if plan.request.dataset is not None:
        from liveact_eval.datasets.open import ProtocolChanges, open_dataset

        dataset = open_dataset(plan.request.dataset, ProtocolChanges())
        folder = plan.request.out / "videos"
        folder.mkdir(parents=True, exist_ok=True)
        yield dataset_clips(dataset, plan, case), folder
        return
    clip = drawn_clip(case, plan.fps)
    with tempfile.TemporaryDirectory(prefix="liveact-eval-bench-") as made:
        yield iter([clip] * plan.request.repeats), Path(made)


def _operations(plan: BenchPlan, case: Case) -> tuple[OperationCount | None, str]:
    """Operations of a steady block, and the rule; or why there is no count."""
    from liveact_eval.efficiency.operations import count_steady_block

    native, options = plan.card.native, case.recipe.options
    assert native is not None
    as_in_card = (options.memory, options.decode, options.audio_guidance) == (
        native.memory,
        native.decode,
        1.0,
    )
    if not as_in_card:
        return None, "operations are counted for the memory, decoding and guidance of the model's card"
    try:
        counted = count_steady_block(plan.card, case.size, context_once=True)
    except UserError as error:
        # Of some rollouts there is no count: everything else is known.
        return None, str(error)
    return counted, counted.rule


def _precision(pipeline: LiveActPipeline, dtype: torch.dtype) -> str:
    """Of most products: what the share of the peak is a share of."""
    if pipeline.options.fp8_linear == "scaled":
        return "float8"
    name = str(dtype).removeprefix("torch.")
    return "tf32" if name == "float32" and pipeline.options.tf32 else name


def _state(opened: Nvml | str) -> GpuState | None:
    return None if isinstance(opened, str) else opened.state()


def _uuid(device: torch.device) -> str | None:
    import torch

    return str(torch.cuda.get_device_properties(device).uuid) if device.type == "cuda" else None


def _notes(plan: BenchPlan, cases: list[CaseRecord]) -> list[str]:
    """What a reader should know before quoting a figure."""
    notes = []
    if plan.request.repeats < ADVISED_REPEATS:
        notes.append(
            f"{plan.request.repeats} repeats: fewer than {ADVISED_REPEATS} say little about the spread"
        )
    repeats = range(1, plan.request.repeats + 1)
    fewest = min(
        sum(block.steady for block in case.blocks if block.repeat == repeat)
        for case in cases
        for repeat in repeats
    )
    if fewest < 50:
        notes.append(
            f"percentiles are of {fewest} steady blocks per repeat: p95 of fewer than 20, and p99 of fewer than 100, "
            "is the largest"
        )
    slow = [
        case.name
        for case in cases
        for f in case.figures
        if f.name == "real_time_factor" and (f.value or 0) > 1
    ]
    if slow:
        notes.append(
            f"{', '.join(slow)}: slower than speech, so delays and stalls grow with the length of the video"
        )
    if plan.cases[0].recipe.weights is None:
        notes.append("weights are random: times are those of real ones, pictures are noise")
    if plan.cases[0].recipe.options.speech == "whole":
        notes.append("sound is encoded as a whole, so nothing comes out before all of it has arrived")
    return notes


def _busy(load: float | None, cores: int) -> list[str]:
    """Other work takes time from all figures."""
    if load is None or load < 0.5 * cores:
        return []
    return [
        f"other work was running: load {load:.1f} on {cores} cores at the start. Measure again on a quiet machine"
    ]
