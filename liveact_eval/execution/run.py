"""A run: what is not in the journal yet is done, and journalled the moment it is."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from liveact_eval.clips.clip import ClipEntry, printable
from liveact_eval.clips.faces import FaceOrder
from liveact_eval.errors import ClipError
from liveact_eval.execution.batches import Batches
from liveact_eval.execution.entrants import Entrant
from liveact_eval.execution.keys import generation_key, metric_key, survey_key
from liveact_eval.execution.plan import Plan
from liveact_eval.execution.pool import Task, run_tasks
from liveact_eval.execution.tasks import (
    Made,
    MeasureRequest,
    Outcome,
    Prepared,
    generate,
    generate_many,
    measure_video,
    prepare,
)
from liveact_eval.measure.engine import Measurement
from liveact_eval.metrics.base import ClipScore, Metric, Missing
from liveact_eval.results.folder import Layout
from liveact_eval.results.journal import Journal, Unit


class Watcher(Protocol):
    """Who is told about progress."""

    def advance(self, text: str, *, failed: bool = False) -> None:
        """One (clip, model) pair is finished; `text` says which and how."""
        ...


class TooManyFailuresError(Exception):
    """The tolerated number of failures is exceeded; what is finished stays."""


@dataclasses.dataclass(frozen=True)
class Pair:
    """A clip and a model, and what is known about them."""

    entrant: Entrant
    entry: ClipEntry
    key: str
    """Key of the generation."""


class Execution:
    """Walks over all (clip, model) pairs of a plan."""

    def __init__(self, plan: Plan, journal: Journal, layout: Layout, watcher: Watcher) -> None:
        self._plan, self._journal, self._layout, self._watcher = plan, journal, layout, watcher
        self._limit = plan.config.failure_limit(plan.pairs)
        self._failures = 0
        self._batches: Batches[Pair, Prepared] = Batches()
        self.units = journal.units()
        """All units in the journal, by key; kept up to date."""

    def pairs(self) -> Iterator[Pair]:
        """All pairs, clip by clip."""
        for entry in self._plan.entries:
            for entrant in self._plan.entrants:
                yield self._pair(entrant, entry)

    def _pair(self, entrant: Entrant, entry: ClipEntry) -> Pair:
        own = entrant.key(entry, self._journal.fingerprint)
        protocol, seed = self._plan.protocol, self._plan.config.seed
        return Pair(entrant, entry, generation_key(entrant.name, own, entry, protocol, seed))

    def made(self, pair: Pair) -> Made | None:
        """The pair's video, if it is in the journal and still on the disk as it was."""
        unit = self.units.get(pair.key)
        if unit is None or unit.failed:
            return None
        payload = dict(unit.payload)
        video = self._layout.root / payload["video"]
        try:
            stat = video.stat()
        except OSError:
            return None
        if (stat.st_size, stat.st_mtime_ns) != (payload["bytes"], payload["mtime_ns"]):
            return None
        faces = payload["faces"]
        shown = None if faces is None or faces.get("shown") is None else tuple(faces["shown"])
        order = None if faces is None else FaceOrder(hold=faces["hold"], shown=shown)
        return Made(**(payload | {"video": video, "faces": order}))

    def lacking(self, pair: Pair, made: Made) -> list[Metric]:
        """Metrics of a made video that are not in the journal."""
        survey = survey_key(pair.key, made.sha256, self._plan.config.sanity)
        found = self.units.get(survey)
        if found is None or found.failed:
            return list(self._plan.measured)
        units = {metric.name: self.units.get(self._key(survey, metric)) for metric in self._plan.measured}
        return [m for m in self._plan.measured if (unit := units[m.name]) is None or unit.failed]

    def part(self, pair: Pair, metric: Metric, output: str) -> NDArray[np.float64] | None:
        """What a pair's video contributes to a set metric's output."""
        made = self.made(pair)
        if made is None:
            return None
        survey = survey_key(pair.key, made.sha256, self._plan.config.sanity)
        return self._journal.part(self._key(survey, metric), output)

    def _key(self, survey: str, metric: Metric) -> str:
        return metric_key(survey, metric.name, self._plan.recipe(metric))

    def curves(self, key: str) -> dict[str, tuple[float, NDArray[np.float32]]]:
        """(fps, values) of a unit's curves, by name."""
        return self._journal.curves(key)

    def is_done(self, pair: Pair) -> bool:
        """Whether nothing is left to do for a pair. A failure is tried again by the next command."""
        made = self.made(pair)
        return made is not None and not self.lacking(pair, made)

    def run(self) -> None:
        """Do all that is left.

        Raises:
            TooManyFailuresError: more clips failed than the configuration tolerates.
        """
        pending: dict[str, list[Pair]] = {}
        for pair in self.pairs():
            if self.is_done(pair):
                self._watcher.advance(f"{pair.entrant.name} {pair.entry.id}: done before")
            else:
                pending.setdefault(pair.entry.id, []).append(pair)
        if pending:
            left = [pair for pairs in pending.values() for pair in pairs]
            self._batches.announce(pair for pair in left if self.made(pair) is None)
            run_tasks((self._prepare(pairs) for pairs in pending.values()), self._plan.workers)

    def _prepare(self, pairs: list[Pair]) -> Task:
        entry = pairs[0].entry

        def done(outcome: Outcome) -> list[Task]:
            if outcome.error is not None:
                for pair in pairs:
                    made = self.made(pair)
                    self._fail(
                        pair, [pair.key] if made is None else self._open_keys(pair, made), "prepare", outcome
                    )
                left_out = [pair for pair in pairs if self.made(pair) is None and self._batches.takes(pair)]
                return [task for pair in left_out for task in self._together(self._batches.leave_out(pair))]
            return [task for pair in pairs for task in self._next(pair, outcome.value)]

        return Task(prepare, (self._plan.dataset, entry), done)

    def _next(self, pair: Pair, prepared: Prepared) -> list[Task]:
        made = self.made(pair)
        if made is not None:
            return [self._measure(pair, prepared, made)]
        if self._batches.takes(pair):
            return self._together(self._batches.add(pair, prepared))
        return [self._generate(pair, prepared)]

    def _generate(self, pair: Pair, prepared: Prepared) -> Task:
        out = self._layout.video(pair.entrant.name, pair.entry.id)
        return Task(
            generate,
            (pair.entrant.generator, prepared.clip, out, self._plan.config.seed),
            lambda outcome: self._generated(pair, prepared, outcome),
        )

    def _together(self, batch: list[tuple[Pair, Prepared]]) -> list[Task]:
        """The task that makes several clips of one model in one process; nothing for none."""
        if not batch:
            return []

        def done(outcome: Outcome) -> list[Task]:
            each = [outcome] * len(batch) if outcome.error is not None else outcome.value
            return [
                task
                for (pair, prepared), one in zip(batch, each, strict=True)
                for task in self._generated(pair, prepared, one)
            ]

        generator = batch[0][0].entrant.generator
        orders = [
            (prepared.clip, self._layout.video(pair.entrant.name, pair.entry.id)) for pair, prepared in batch
        ]
        return [Task(generate_many, (generator, orders, self._plan.config.seed), done)]

    def _generated(self, pair: Pair, prepared: Prepared, outcome: Outcome) -> list[Task]:
        """Record what came of making a video; what follows is measuring it."""
        if outcome.error is not None:
            self._fail(pair, [pair.key], "generate", outcome)
            return []
        made: Made = outcome.value
        self._record(
            [
                Unit(
                    key=pair.key,
                    model=pair.entrant.name,
                    clip=pair.entry.id,
                    stage="generate",
                    payload=self._payload(made),
                    seconds=outcome.seconds,
                )
            ]
        )
        return [self._measure(pair, prepared, made)]

    def _payload(self, made: Made) -> dict[str, Any]:
        """A made video as JSON; a video inside the run folder by its place there, so that the folder can move."""
        video = made.video
        inside = video.is_relative_to(self._layout.root)
        path = video.relative_to(self._layout.root) if inside else video.resolve()
        faces = None if made.faces is None else {"hold": made.faces.hold, "shown": made.faces.shown}
        return dataclasses.asdict(made) | {"video": str(path), "faces": faces}

    def _open_keys(self, pair: Pair, made: Made) -> list[str]:
        """Keys of what a made video still lacks; what other metrics have found before stays."""
        survey = survey_key(pair.key, made.sha256, self._plan.config.sanity)
        if survey not in self.units or self.units[survey].failed:
            return [survey]
        return [self._key(survey, metric) for metric in self.lacking(pair, made)]

    def _measure(self, pair: Pair, prepared: Prepared, made: Made) -> Task:
        wanted = self.lacking(pair, made)
        survey = survey_key(pair.key, made.sha256, self._plan.config.sanity)
        real = prepared.clip.video
        # The journal keeps full paths, the dataset's may be relative or links.
        is_real = real is not None and made.video.resolve() == real.resolve()

        def done(outcome: Outcome) -> list[Task]:
            if outcome.error is not None:
                self._fail(pair, self._open_keys(pair, made), "measure", outcome)
                return []
            unfinished = _unfinished(outcome.value)
            self._record_measurement(pair, survey, [m for m in wanted if m.name not in unfinished], outcome)
            for name, why in unfinished.items():
                self._fail_metric(pair, survey, name, why)
            rejected = [f for f in outcome.value.findings if f.rejects]
            text = f"{pair.entrant.name} {pair.entry.id}: " + (
                f"rejected, {rejected[0].code}" if rejected else "ok"
            )
            self._watcher.advance(text, failed=bool(rejected))
            if rejected:
                self._count_failure()
            return []

        request = MeasureRequest(
            clip=prepared.clip,
            video=real if is_real and real is not None else made.video,
            selectors=self._plan.config.metrics,
            wanted=tuple(metric.name for metric in wanted),
            limits=self._plan.config.sanity,
            faces=made.faces,
            expected_seconds=None if is_real else prepared.expected_seconds,
            networks=self._plan.networks,
        )
        return Task(measure_video, (request,), done)

    def _record_measurement(self, pair: Pair, survey: str, finished: list[Metric], outcome: Outcome) -> None:
        measured: Measurement = outcome.value
        model, clip = pair.entrant.name, pair.entry.id
        findings = [dataclasses.asdict(finding) for finding in measured.findings]
        facts = {
            "frames": measured.frames,
            "fps": measured.fps,
            "size": list(measured.size),
            "paired_frames": measured.paired_frames,
            "findings": findings,
        }
        units = [
            Unit(key=survey, model=model, clip=clip, stage="survey", payload=facts, seconds=outcome.seconds)
        ]
        curves, parts = {}, {}
        for metric in finished:
            score = measured.scores[metric.name]
            key = self._key(survey, metric)
            values = {name: _stored(score, name) for name in score.values}
            for name, part in score.parts.items():
                values[name] = {"value": None, "reason": None}
                parts[(key, name)] = part
            units.append(
                Unit(key=key, model=model, clip=clip, stage=f"measure:{metric.name}", payload=values)
            )
            for name, curve in score.curves.items():
                curves[(key, name)] = (measured.fps, curve)
        self._journal.record(units, curves, parts)
        self.units.update({unit.key: unit for unit in units})

    def _fail(
        self, pair: Pair, keys: list[str], stage: str, outcome: Outcome, *, advance: bool = True
    ) -> None:
        error = outcome.error
        if error is None:
            raise ValueError("this outcome is no failure")
        units = [
            Unit(
                key=key,
                model=pair.entrant.name,
                clip=pair.entry.id,
                stage=stage,
                failed=True,
                reason=error.reason,
                message=printable(error.message),
                payload={},
                seconds=outcome.seconds,
            )
            for key in keys
        ]
        self._record(units)
        if outcome.trace is not None:
            self._log(pair, stage, outcome.trace)
        if advance:
            # That a clip is not here was said with the plan, once for all of them.
            text = f"{pair.entrant.name} {pair.entry.id}: {stage} failed, {error}"
            self._watcher.advance(text, failed=pair.entry.absent is None)
        self._count_failure()

    def _fail_metric(self, pair: Pair, survey: str, name: str, why: Outcome) -> None:
        """One metric failed on a clip; the others have their numbers."""
        metric = next(metric for metric in self._plan.metrics if metric.name == name)
        self._fail(pair, [self._key(survey, metric)], "measure", why, advance=False)

    def _log(self, pair: Pair, stage: str, trace: str) -> None:
        with self._layout.log.open("a", encoding="utf-8", errors="backslashreplace") as log:
            log.write(f"{pair.entrant.name} {pair.entry.id} {stage}\n{trace}\n")

    def _record(self, units: list[Unit]) -> None:
        self._journal.record(units)
        self.units.update({unit.key: unit for unit in units})

    def _count_failure(self) -> None:
        self._failures += 1
        if self._limit is not None and self._failures > self._limit:
            raise TooManyFailuresError(
                f"{self._failures} of {self._plan.pairs} (clip, model) pairs failed, {self._limit} are tolerated "
                "(--max-failures). Stopped. What is finished is kept; the same command continues."
            )


def _unfinished(measured: Measurement) -> dict[str, Outcome]:
    """The metrics that are to be tried anew, by name: those that failed, and those that say so."""
    found = {
        name: Outcome(
            None, ClipError("internal_error", f"metric {name}: {trace.splitlines()[-1]}"), 0.0, trace
        )
        for name, trace in measured.traces.items()
    }
    for name, score in measured.scores.items():
        for value in score.values.values():
            if isinstance(value, Missing) and value.again:
                found[name] = Outcome(None, ClipError(value.reason, f"metric {name}: {value.detail}"), 0.0)
    return found


def _stored(score: ClipScore, name: str) -> dict[str, Any]:
    """One value of a checked score as JSON: with its additive statistics, or with the reason why it is missing."""
    value = score.values[name]
    if isinstance(value, Missing):
        return {"value": None, "reason": value.reason, "detail": value.detail}
    if not math.isfinite(value):
        return {"value": None, "reason": "not_finite", "detail": f"the metric gave {value}"}
    return {"value": value, "statistics": score.statistics[name].tolist()}


def remove_leftovers(layout: Layout) -> int:
    """Delete half-written files that killed processes left behind; returns how many there were."""
    part = re.compile(r"^\..+\.\d+\.part(\.[^.]+)?$")
    folders = (layout.videos.rglob(".*"), *(f.glob(".*") for f in (layout.root, layout.tables, layout.plots)))
    leftovers = [path for found in folders for path in found if part.match(path.name) and path.is_file()]
    for path in leftovers:
        path.unlink(missing_ok=True)
    return len(leftovers)
