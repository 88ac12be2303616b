"""A benchmark as a run that `liveact-eval check` can hold against a baseline.

The gate judges seconds of generation clip by clip, on one machine only. Here a clip is a repeat: the files say what
each of them took. Both a relative and an absolute delta are asked for with `--rules`; docs/bench.md has them.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from liveact_eval.cards.protocol import Protocol
from liveact_eval.clips.clip import safe_name
from liveact_eval.efficiency.schema import CaseRecord, Efficiency
from liveact_eval.files import write_text
from liveact_eval.results.folder import RUN_VERSION, Layout
from liveact_eval.results.journal import Journal, Unit
from liveact_eval.results.schema import ClipValue, MetricRecord, ModelRecord, ResultRow, Results

_SHOWN = ("fps_sustained", "ttff_ms", "block_p95_ms")
"""Figures that the run's table has too; they are no scores to the gate."""
_RECIPE = "bench@1"
_OF_MACHINE = ("torch", "device", "text_device")


def write_gate_run(efficiency: Efficiency, root: Path) -> None:
    """Write `run.json`, `results.json` and `journal.sqlite` into a folder of their own."""
    layout = Layout(root)
    root.mkdir(parents=True, exist_ok=True)
    layout.journal.unlink(missing_ok=True)
    clips = [f"repeat-{number}" for number in range(1, efficiency.repeats + 1)]
    hashes = {clip: hashlib.sha256(_content(efficiency, clip).encode()).hexdigest() for clip in clips}
    protocol = Protocol(
        name=f"bench-{safe_name(efficiency.model).lower()}", version=1, fps=efficiency.playback_fps
    )
    identity = protocol.identify(hashes.items())
    units = [
        Unit(
            key=hashlib.sha256(f"{model} {clip} {hashes[clip]}".encode()).hexdigest(),
            model=model,
            clip=clip,
            stage="generate",
            payload={"seconds": seconds},
            seconds=seconds,
        )
        for case in efficiency.cases
        for model in [model_name(efficiency, case)]
        for clip, seconds in zip(clips, _seconds(case, efficiency.repeats), strict=True)
    ]
    with Journal(layout.journal) as journal:
        journal.record(units)
    results = _results(efficiency, clips, identity)
    write_text(layout.results, results.model_dump_json(indent=1) + "\n")
    description = {
        "run_version": RUN_VERSION,
        "source": f"bench {efficiency.model}",
        "protocol": protocol.model_dump(mode="json"),
        "protocol_id": identity,
        "clips": [{"id": clip, "speaker": clip, "content_hash": hashes[clip]} for clip in clips],
        "config": {"workers": efficiency.threads},
    }
    write_text(layout.run, json.dumps(description, indent=2, ensure_ascii=False) + "\n")


def model_name(efficiency: Efficiency, case: CaseRecord) -> str:
    """A case as the gate names it: `liveact-tiny-512x512-6+8`."""
    name = f"{efficiency.model}-{case.size[0]}x{case.size[1]}"
    if case.latents_per_block is None:
        return name
    return f"{name}-{'+'.join(map(str, case.latents_per_block))}"


def _content(efficiency: Efficiency, clip: str) -> str:
    """What times depend on besides the machine: the request, not the outcome."""
    cases = [
        (case.name, case.frames, {name: said for name, said in case.ran.items() if name not in _OF_MACHINE})
        for case in efficiency.cases
    ]
    return json.dumps([clip, efficiency.model, efficiency.dataset, cases], sort_keys=True)


def _seconds(case: CaseRecord, repeats: int) -> list[float]:
    """Computing time of each repeat's whole video; of a program the time that was seen from outside."""
    if case.video_s is not None:
        return case.video_s
    seconds = dict.fromkeys(range(repeats + 1), 0.0)
    for block in case.blocks:
        seconds[block.repeat] += block.compute_ms / 1000
    return [seconds[repeat] for repeat in range(1, repeats + 1)]


def _results(efficiency: Efficiency, clips: list[str], identity: str) -> Results:
    shown = [figure for figure in efficiency.cases[0].figures if figure.name in _SHOWN]
    rows, values = [], []
    for case in efficiency.cases:
        model = model_name(efficiency, case)
        for figure in (figure for figure in case.figures if figure.name in _SHOWN):
            rows.append(
                ResultRow(
                    model=model,
                    dataset=f"bench-{efficiency.model}",
                    protocol=identity,
                    metric=figure.name,
                    recipe=_RECIPE,
                    tier="mini",
                    value=figure.value,
                    unit=figure.unit,
                    direction="none",
                    ci_low=None,
                    ci_high=None,
                    n=figure.n,
                    n_total=len(clips),
                    n_speakers=figure.n,
                    failures={},
                    value_reason=figure.reason,
                )
            )
            for clip, value in zip(clips, figure.values, strict=True):
                reason = None if value is not None else figure.reason
                values.append(
                    ClipValue(
                        model=model, clip=clip, speaker=clip, metric=figure.name, value=value, reason=reason
                    )
                )
    return Results(
        name=efficiency.name,
        dataset=f"bench-{efficiency.model}",
        dataset_title=f"Benchmark of {efficiency.title}",
        tier="mini",
        protocol=identity,
        clips=clips,
        confidence=0.95,
        interval="over repeats",
        models=[
            ModelRecord(
                name=model_name(efficiency, case),
                title=f"{efficiency.title}, {case.name}",
                kind="native" if efficiency.runs_as == "native" else "command",
                generation_seconds=sum(_seconds(case, efficiency.repeats)),
            )
            for case in efficiency.cases
        ],
        metrics=[
            MetricRecord(
                name=figure.name,
                title=figure.title,
                direction="none",
                unit=figure.unit,
                digits=figure.digits,
                recipe=_RECIPE,
                best=None,
            )
            for figure in shown
        ],
        rows=rows,
        comparisons=[],
        clip_values=values,
        failed=[],
        flagged=[],
        provenance=efficiency.provenance,
    )
