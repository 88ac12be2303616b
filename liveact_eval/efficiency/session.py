"""A benchmark from its plan to its result: a cold video first, then the repeats, case by case."""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from liveact_eval.clips.clip import printable
from liveact_eval.clips.video import SOUND_RATE_HZ
from liveact_eval.efficiency.clips import Said, dataset_clips, drawn_clip
from liveact_eval.efficiency.clock import LiveClock, MonotonicClock
from liveact_eval.efficiency.gpu_watch import GpuWatch
from liveact_eval.efficiency.latency import time_to_first_frame_s
from liveact_eval.efficiency.live import LiveCall, call
from liveact_eval.efficiency.machine import fingerprint_of
from liveact_eval.efficiency.measure import Told, record
from liveact_eval.efficiency.memory import ProcessMemory
from liveact_eval.efficiency.native import NativeStreaming, counted_kv_bytes
from liveact_eval.efficiency.notes import notes_of
from liveact_eval.efficiency.nvml import GpuState, Nvml, open_nvml
from liveact_eval.efficiency.peaks import peak_of
from liveact_eval.efficiency.records import block_records, live_records
from liveact_eval.efficiency.request import COLD_BLOCKS, BenchPlan, Case
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


def measure_cases(plan: BenchPlan, told: Told, clock: LiveClock | None = None) -> Efficiency:
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
    gpu = GpuWatch(None if isinstance(opened, str) else opened.state)
    with told_plainly():
        try:
            with gpu:
                cases = [_measure(plan, case, told, watch, opened) for case in _one_by_one(plan.cases)]
        except torch.cuda.OutOfMemoryError as error:
            raise UserError(
                f"The GPU ran out of memory: {error} Take a smaller --size, or --set fp8_cache=true."
            ) from error
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
        playback_fps=plan.fps,
        target_fps=plan.target_fps,
        repeats=plan.request.repeats,
        threads=threads,
        live_call="real time" if plan.request.live else "simulated",
        dataset=plan.request.dataset,
        quality=None,
        fingerprint=fingerprint_of(provenance, device=name, threads=threads),
        provenance=provenance | {"seed": plan.request.seed, "load_at_start": load},
        gpu_before=before,
        gpu_while=gpu.load(),
        gpu_after=_state(opened),
        gpu_reason=opened if isinstance(opened, str) else None,
        notes=notes_of(plan, cases, load=load, cores=provenance["machine"]["cores"]),
        cases=cases,
    )


def _one_by_one(cases: Sequence[Case]) -> Iterator[Case]:
    """The cases; networks of the one before never stand beside new ones on the device."""
    for before, case in zip((None, *cases), cases, strict=False):
        if before is not None and before.recipe != case.recipe:
            build_pipeline.cache_clear()
            gc.collect()
        yield case


def device_title(device: torch.device) -> str:
    """The GPU's own name, or `cpu`."""
    import torch

    return str(torch.cuda.get_device_name(device)) if device.type == "cuda" else device.type


def _measure(plan: BenchPlan, case: Case, told: Told, clock: LiveClock, opened: Nvml | str) -> CaseRecord:
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

    def talk(said: Said, seed: int) -> LiveCall:
        with NativeStreaming(pipeline, said.inputs) as generator:
            return call(generator, said.sound, SOUND_RATE_HZ, seed=seed, clock=clock, told=told)

    graphs = graphs_compiled()
    with _clips(plan, case) as (clips, folder):
        first = next(clips)
        cold = make(first, plan.request.seed, folder / "cold.mp4", COLD_BLOCKS)
        (folder / "cold.mp4").unlink()
        compiled = graphs_compiled()
        recordings, calls = [], []
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
            if plan.request.live:
                calls.append(talk(said, plan.request.seed))
    spoken = calls if plan.request.live else None
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
        ran=pipeline.describe(),
        figures=summarise(recordings, facts, spoken),
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
        live_blocks=live_records(recordings, spoken),
        sound_late_ms=None if spoken is None else 1000 * max(made.late_s for made in spoken),
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
    clip = drawn_clip(case.size, case.frames, plan.fps)
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
