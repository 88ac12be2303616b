"""VBench over the videos of a plan, from its own environment: the backend `vbench-official`.

One process per dimension, so that memory holds one tool at a time, and what breaks one does not break the others.
Values are journalled as they come; the same command goes on.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from liveact_eval.environments.store import lock_hash
from liveact_eval.environments.tool_process import ToolError, ToolProcess
from liveact_eval.environments.vbench_official import Tool
from liveact_eval.errors import ClipError
from liveact_eval.files import sha256_of
from liveact_eval.importing.given import Given, GivenRow, GivenValue
from liveact_eval.metrics.base import Output
from liveact_eval.results.journal import Journal, Unit
from liveact_eval.results.schema import ModelRecord

if TYPE_CHECKING:
    from liveact_eval.execution.plan import Plan
    from liveact_eval.execution.run import Watcher

_ANY_SUFFIX = "temporal_flickering"
"""The one dimension that reads by OpenCV, which takes any video; the others take names that end in .mp4."""
_AGAIN = frozenset({"tool_failed"})
"""Reasons that say nothing about a clip: the next command tries anew."""


@dataclass(frozen=True)
class Video:
    """One video of a plan: a clip of a model."""

    model: str
    clip: str
    path: Path | None
    """`None`: it cannot be had."""
    sha256: str
    problem: GivenValue | None = None
    """Why it cannot be had."""


def videos_of(plan: Plan) -> Iterator[Video]:
    """Every video of a plan, clip by clip: real ones, and those that were given."""
    from liveact_eval.execution.tasks import generate, guarded, prepare

    for entry in plan.entries:
        prepared = guarded(prepare, plan.dataset, entry)
        for entrant in plan.entrants:
            outcome = prepared
            if prepared.error is None:
                clip, out = prepared.value.clip, plan.out / "videos" / entrant.name / "unused"
                # Neither a given video nor a real one is written anew.
                outcome = guarded(generate, entrant.generator, clip, out, plan.config.seed)
            error: ClipError | None = outcome.error
            if error is not None:
                problem = GivenValue(None, reason=error.reason, detail=error.message)
                yield Video(entrant.name, entry.id, None, "", problem)
            else:
                yield Video(entrant.name, entry.id, outcome.value.video, outcome.value.sha256)


class OfficialRun:
    """Every dimension over every video, with what the journal knows already.

    Args:
        tools: the environment of each dimension.
        journal: where values are kept.
        log: file for what the tool says.
        device: cpu, cuda or cuda:N.
        seconds: how long the tool may take to load, and for one video.
    """

    def __init__(
        self, tools: Mapping[str, Tool], journal: Journal, log: Path, *, device: str, seconds: float
    ) -> None:
        self._tools, self._journal, self._log = tools, journal, log
        self._device, self._seconds = device, seconds
        self._units = journal.units()

    def run(
        self, dimensions: tuple[str, ...], videos: list[Video], watcher: Watcher
    ) -> dict[tuple[str, str], dict[str, GivenValue]]:
        """Values by (model, dimension) and clip."""
        found: dict[tuple[str, str], dict[str, GivenValue]] = {}
        for dimension in dimensions:
            lacking = self._tools[dimension].lacking(dimension)
            pending = []
            for video in videos:
                known = video.problem or lacking or self._known(dimension, video)
                if known is None:
                    pending.append(video)
                else:
                    found.setdefault((video.model, dimension), {})[video.clip] = known
                    watcher.advance(f"{dimension} {video.clip}: {known.reason or 'done before'}")
            for video, value in self._measured(dimension, pending):
                found.setdefault((video.model, dimension), {})[video.clip] = value
                text = f"{dimension} {video.clip}: {value.detail if value.value is None else 'ok'}"
                watcher.advance(text, failed=value.reason in _AGAIN)
        return found

    def _measured(self, dimension: str, videos: list[Video]) -> Iterator[tuple[Video, GivenValue]]:
        rest = list(videos)
        while rest:
            try:
                with self._started(dimension) as process:
                    while rest:
                        value = self._ask(process, dimension, rest[0])
                        self._record(dimension, rest[0], value)
                        yield rest.pop(0), value
            except _LostError as lost:
                # One video may have killed the tool: the next ones get a fresh process.
                value = GivenValue(None, reason="tool_failed", detail=str(lost))
                yield rest.pop(0), value
                if lost.loading:
                    while rest:
                        yield rest.pop(0), value

    def _started(self, dimension: str) -> ToolProcess:
        tool = self._tools[dimension]
        command: list[str | Path] = [tool.built.python, tool.worker, dimension, self._device]
        log = self._log.with_name(f"{self._log.stem}-{dimension}.log")
        try:
            return ToolProcess(command, variables=tool.variables, log=log, seconds=self._seconds)
        except ToolError as error:
            raise _LostError(str(error), loading=True) from error

    def _ask(self, process: ToolProcess, dimension: str, video: Video) -> GivenValue:
        path = video.path
        if path is None:
            raise ValueError("a video that cannot be had is not asked for")
        if dimension != _ANY_SUFFIX and path.suffix != ".mp4":
            return GivenValue(None, reason="not_mp4", detail=f"VBench reads .mp4 only; this is {path.name!r}")
        try:
            answer = process.ask({"video": str(path.resolve())})
        except ToolError as error:
            raise _LostError(str(error), loading=False) from error
        if "error" in answer:
            return GivenValue(None, reason="tool_failed", detail=str(answer["error"])[:300])
        if "invalid" in answer:
            return GivenValue(None, reason="invalid", detail=str(answer["invalid"])[:300])
        value, weight = answer.get("value"), answer.get("weight")
        if not isinstance(value, float) or not isinstance(weight, float):
            return GivenValue(
                None,
                reason="tool_failed",
                detail=f"the tool gave {answer!r}, expected value and weight"[:300],
            )
        if not (math.isfinite(value) and math.isfinite(weight) and weight > 0):
            return GivenValue(None, reason="not_finite", detail=f"VBench gave {value} of weight {weight}")
        return GivenValue(value, weight)

    def _known(self, dimension: str, video: Video) -> GivenValue | None:
        unit = self._units.get(self._key(dimension, video))
        if unit is None or unit.failed:
            return None
        return GivenValue(unit.payload["value"], unit.payload["weight"], unit.reason, unit.message)

    def _record(self, dimension: str, video: Video, value: GivenValue) -> None:
        unit = Unit(
            key=self._key(dimension, video),
            model=video.model,
            clip=video.clip,
            stage=f"measure:{dimension}",
            failed=value.reason in _AGAIN,
            reason=value.reason,
            message=value.detail,
            payload={"value": value.value, "weight": value.weight},
        )
        self._journal.record([unit])

    def _key(self, dimension: str, video: Video) -> str:
        recipe = self._tools[dimension].recipe(dimension)
        parts = (video.model, video.clip, video.sha256, recipe, self._device)
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


class _LostError(Exception):
    """The process of the tool is gone."""

    def __init__(self, text: str, *, loading: bool) -> None:
        super().__init__(text)
        self.loading = loading


def given_of(
    plan: Plan,
    tools: Mapping[str, Tool],
    found: dict[tuple[str, str], dict[str, GivenValue]],
    name: str,
) -> Given:
    """The values as a table under the protocol of the plan."""
    from liveact_eval.metrics.registry import shipped

    known = shipped()
    outputs: dict[str, Output] = {
        output.name: output for metric in known.values() for output in metric.outputs if output.name in tools
    }
    protocol = plan.protocol
    fields = {"fps": protocol.fps, "size": protocol.size, "clip_seconds": protocol.clip_seconds}
    changes = [name for name, value in fields.items() if value is not None]
    note = None
    if changes:
        note = f"VBench reads whole files as they are; the protocol's {', '.join(changes)} did not apply"
    return Given(
        name=name,
        dataset=plan.dataset.name,
        dataset_title=f"{plan.dataset.title}, VBench as published",
        tier=plan.dataset.tier,
        protocol=plan.protocol,
        protocol_id=plan.protocol_id,
        clips=[entry.id for entry in plan.entries],
        hashes={entry.id: entry.known_by for entry in plan.entries},
        speakers={entry.id: entry.speaker for entry in plan.entries},
        models=[
            ModelRecord(name=e.name, title=e.title, kind=e.kind, generation_seconds=0.0)
            for e in plan.entrants
        ],
        outputs=[(outputs[dimension], tool.recipe(dimension)) for dimension, tool in tools.items()],
        rows={key: GivenRow(clips=values, note=note) for key, values in found.items()},
        source={
            "kind": "vbench-official",
            "environments": {tool.built.name: _described(tool) for tool in tools.values()},
        },
    )


def _described(tool: Tool) -> dict[str, object]:
    """What a tool's numbers depend on."""
    record = tool.built.record
    return {
        "commit": record.commit,
        "lock": lock_hash(record),
        "packages": {package.name: package.version for package in record.packages},
        "worker": sha256_of(tool.worker),
    }
