"""Runs an ablation: units that are not in the journal are done one after the other, and kept the moment they are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from liveact_eval.ablations.bench import DATASET, Bench
from liveact_eval.ablations.journal import UnitJournal
from liveact_eval.ablations.schema import (
    Ablation,
    CurveRecord,
    Failure,
    MeasureRecord,
    VariantRecord,
)
from liveact_eval.ablations.study import Reading, Request, Study, Unit, Variant
from liveact_eval.ablations.summary import Table, finding_of, interval_text, points_of, rows_of
from liveact_eval.clips.clip import printable
from liveact_eval.datasets.talkers.spec import FPS
from liveact_eval.errors import ExitCode, UserError
from liveact_eval.execution.run import Watcher
from liveact_eval.execution.tasks import guarded
from liveact_eval.files import write_text
from liveact_eval.measure.intervals import StatisticsConfig
from liveact_eval.metrics.base import Missing
from liveact_eval.results.folder import RunFolder
from liveact_eval.results.provenance import gather

JOURNAL = "journal.jsonl"
_KEY_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class AblationPlan:
    """What will be done; everything that can be checked is checked."""

    study: Study
    request: Request
    bench: Bench
    variants: tuple[Variant, ...]
    lacking: Mapping[str, str]
    """Why variants cannot be run, by name."""
    identities: Mapping[str, str]
    """What the readings of a variant depend on, by name."""
    units: tuple[tuple[str, Unit], ...]
    """(key, unit) in the order in which they are done: a killed run has all variants alike."""
    done: int
    """Units that an earlier command has finished."""


@dataclass(frozen=True, kw_only=True)
class Finished:
    """How an ablation ended."""

    ablation: Ablation
    root: Path
    exit_code: ExitCode


def plan_ablation(study: Study, request: Request) -> AblationPlan:
    """Check a request, without loading a network.

    Raises:
        UserError: a clip that is too short, weights that are missing, or another model.
    """
    if request.seconds < study.least_seconds:
        raise UserError(
            f"--seconds {request.seconds:g}: the ablation {study.name} takes clips of {study.least_seconds:g} s or more"
        )
    bench = Bench(request, neutral=study.neutral)
    variants, lacking = study.variants(request), study.unavailable(request)
    runnable = [variant for variant in variants if variant.name not in lacking]
    if not runnable:
        raise UserError("Nothing can be run: " + next(iter(lacking.values())))
    identities = {variant.name: study.identity(bench, variant) for variant in runnable}
    units = tuple(
        (unit_key(study, request, identities[variant.name], unit), unit)
        for seed in range(request.seeds)
        for clip in bench.entries
        for variant in runnable
        for unit in [Unit(variant=variant, clip=clip, seed=seed)]
    )
    path = request.out / JOURNAL
    journal = UnitJournal(path)
    done = sum(journal.reading(key) is not None for key, _ in units)
    return AblationPlan(
        study=study,
        request=request,
        bench=bench,
        variants=variants,
        lacking=lacking,
        identities=identities,
        units=units,
        done=done,
    )


def unit_key(study: Study, request: Request, identity: str, unit: Unit) -> str:
    """Names all that the reading of a unit depends on: equal keys mean equal readings, but for times."""
    content = [
        _KEY_VERSION,
        study.name,
        study.version,
        [measure.name for measure in study.measures],
        [curve.name for curve in study.curves],
        identity,
        unit.variant.name,
        request.model,
        unit.clip.content_hash,
        round(request.seconds * FPS),
        unit.seed,
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def run_ablation(study: Study, request: Request, watch: Callable[[AblationPlan], Watcher]) -> Finished:
    """Do an ablation, or what is left of it, and write its files.

    Args:
        study: which one.
        request: on what.
        watch: called with the plan before anything is done; gives who is told about progress.

    Raises:
        UserError: wrong request; nothing was done.
        BrokenEnvironmentError: the disk is full or the like; what was finished is kept.
    """
    plan = plan_ablation(study, request)
    with RunFolder(request.out) as folder:
        folder.claim(f"ablation {study.name}", _description(plan))
        journal = UnitJournal(request.out / JOURNAL)
        watcher = watch(plan)
        failures = [
            failure
            for key, unit in plan.units
            if (failure := _do(plan, journal, watcher, key, unit)) is not None
        ]
        ablation = _summarised(plan, journal, failures)
        _write(ablation, request.out)
    code = ExitCode.PARTIAL if failures else ExitCode.OK
    return Finished(ablation=ablation, root=request.out, exit_code=code)


def _do(plan: AblationPlan, journal: UnitJournal, watcher: Watcher, key: str, unit: Unit) -> Failure | None:
    """Do a unit that is not finished; a failure of an earlier command is tried again."""
    name = f"{unit.variant.name} {unit.clip.id} seed {unit.seed}"
    if journal.reading(key) is not None:
        watcher.advance(f"{name}: done before")
        return None
    names: dict[str, str | int] = {
        "variant": unit.variant.name,
        "clip": unit.clip.id,
        "speaker": unit.clip.speaker,
        "seed": unit.seed,
    }
    outcome = guarded(plan.study.read, unit, plan.bench)
    if outcome.error is None:
        reading: Reading = outcome.value
        journal.record(key, names, outcome.seconds, reading)
        watcher.advance(f"{name}: ok")
        return None
    reason, message = outcome.error.reason, printable(outcome.error.message)
    journal.record_failure(key, names, outcome.seconds, reason, message)
    if outcome.trace is not None:
        with (plan.request.out / "errors.log").open("a", encoding="utf-8") as log:
            log.write(f"{name}\n{outcome.trace}\n")
    watcher.advance(f"{name}: {outcome.error}", failed=True)
    return Failure(
        variant=unit.variant.name, clip=unit.clip.id, seed=unit.seed, reason=reason, message=message
    )


def _summarised(plan: AblationPlan, journal: UnitJournal, failures: list[Failure]) -> Ablation:
    study, request = plan.study, plan.request
    readings: dict[tuple[str, str, int], Reading | Missing] = {}
    for key, unit in plan.units:
        place = (unit.variant.name, unit.clip.id, unit.seed)
        reading, failure = journal.reading(key), journal.failure(key)
        if reading is not None:
            readings[place] = reading
        elif failure is not None:
            readings[place] = Missing(*failure)
    for name, why in plan.lacking.items():
        for clip in plan.bench.entries:
            for seed in range(request.seeds):
                readings[name, clip.id, seed] = Missing("not_available", why)
    clips = plan.bench.entries
    table = Table(
        units=[(clip.id, clip.speaker, seed) for seed in range(request.seeds) for clip in clips],
        readings=readings,
        config=StatisticsConfig(),
    )
    names = [variant.name for variant in plan.variants]
    titles = {variant.name: variant.title for variant in plan.variants}
    return Ablation(
        study=study.name,
        title=study.title,
        summary=study.summary,
        source=study.source,
        model=plan.bench.card.name,
        weights=dict(plan.identities),
        dataset=DATASET,
        tier=plan.bench.dataset.tier,
        clips=[clip.id for clip in clips],
        speakers=len({clip.speaker for clip in clips}),
        seeds=list(range(request.seeds)),
        seconds=request.seconds,
        confidence=table.config.confidence,
        interval=interval_text(table),
        variants=[
            VariantRecord(name=v.name, title=v.title, unavailable=plan.lacking.get(v.name))
            for v in plan.variants
        ],
        measures=[
            MeasureRecord(name=m.name, title=m.title, direction=m.direction, unit=m.unit, digits=m.digits)
            for m in study.measures
        ],
        curves=[
            CurveRecord(name=c.name, title=c.title, x_title=c.x_title, unit=c.unit) for c in study.curves
        ],
        rows=rows_of(study, table, names, plan.lacking),
        points=points_of(study, table, [name for name in names if name not in plan.lacking]),
        findings=[finding_of(finding, study, table, titles) for finding in study.findings],
        notes=list(study.notes),
        failed=failures,
        units=len(plan.units),
        units_done=sum(journal.reading(key) is not None for key, _ in plan.units),
        provenance=gather(),
    )


def _write(ablation: Ablation, root: Path) -> None:
    from liveact_eval.ablations.plots import write_plots
    from liveact_eval.ablations.tables import csv_text, markdown

    write_text(root / "ablation.json", ablation.model_dump_json(indent=1) + "\n")
    write_text(root / "ablation.md", markdown(ablation))
    write_text(root / "ablation.csv", csv_text(ablation))
    write_plots(ablation, root)


def _description(plan: AblationPlan) -> dict[str, object]:
    """The content of `run.json`."""
    request = plan.request
    return {
        "ablation": plan.study.name,
        "model": request.model,
        "weights": None if request.weights is None else printable(str(request.weights)),
        "kits": [[name, printable(str(folder))] for name, folder in request.kits],
        "seeds": request.seeds,
        "clips": [clip.id for clip in plan.bench.entries],
        "seconds": request.seconds,
        "variants": dict(plan.identities),
        "lacking": dict(plan.lacking),
        "provenance": gather(),
    }
