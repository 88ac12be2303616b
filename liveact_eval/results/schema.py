"""What `results.json` holds. Its JSON Schema is published as docs/schema/results-1.json."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from liveact_eval.results.versioned import published, read_versioned

SCHEMA_VERSION = 1


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class ResultRow(_Record):
    """One number of a table, with all that it needs to be trusted."""

    model: str
    """Name of the model card."""
    dataset: str
    """Name of the dataset."""
    protocol: str
    """Id of the protocol: name, version, and hash over its fields and the clip list."""
    metric: str
    """Name of the output, with its unit where there is one."""
    recipe: str
    """How it is computed; two recipes are never compared."""
    tier: Literal["mini", "paper"]
    """`mini` numbers are comparable with each other only."""
    value: float | None
    """The number; `null` if no clip has one."""
    unit: str
    """Unit; empty for pure numbers."""
    direction: Literal["up", "down", "none"]
    """`up`: higher is better; `down`: lower; `none`: not a score."""
    ci_low: float | None
    """Lower end of the interval; `null` where there are fewer than two speakers."""
    ci_high: float | None
    """Upper end of the interval."""
    n: int
    """Clips that have a number."""
    n_total: int
    """Clips of the dataset."""
    n_speakers: int
    """Speakers among the clips that have a number."""
    failures: dict[str, int]
    """Clips without a number, by reason."""
    value_reason: str | None = None
    """Why `value` is `null`."""
    note: str | None = None
    """What a reader should know about this number, such as a bias of small sets."""


class ClipValue(_Record):
    """What one metric says about one clip."""

    model: str
    clip: str
    speaker: str
    metric: str
    value: float | None
    """The number; `null` if there is none."""
    reason: str | None
    """Why there is none."""
    detail: str | None = None
    """The reason for people, where there is more to say."""


class Comparison(_Record):
    """Two models on the clips that both have a number for."""

    metric: str
    model: str
    other: str
    difference: float
    """Value of `model` less that of `other`, on their common clips."""
    ci_low: float | None
    ci_high: float | None
    n: int
    """Clips that both have."""
    verdict: Literal["better", "worse", "cannot tell"]
    """What that says about `model`."""


class FailedClip(_Record):
    """A clip that a stage could not deal with."""

    model: str
    clip: str
    stage: Literal["prepare", "generate", "measure"]
    reason: str
    message: str


class FlaggedClip(_Record):
    """A finding of the sanity checks."""

    model: str
    clip: str
    code: str
    message: str
    rejected: bool
    """Whether it left the clip without numbers."""


class ModelRecord(_Record):
    """A model of the run."""

    name: str
    title: str
    kind: str
    generation_seconds: float
    """Wall time spent on making its videos."""


class MetricRecord(_Record):
    """A metric of the run."""

    name: str
    title: str
    direction: Literal["up", "down", "none"]
    unit: str
    digits: int
    recipe: str
    best: float | None
    giver: str | None = None
    """The metric that gives it, as named on the command line; `null` in files of earlier versions."""


class Results(_Record):
    """Everything that tables, plots and other programs need."""

    schema_version: Literal[1] = 1
    """Raised with every change that a reader could stumble over."""
    name: str
    """Name of the run folder."""
    dataset: str
    dataset_title: str
    tier: Literal["mini", "paper"]
    protocol: str
    clips: list[str]
    """Ids of all clips, in order."""
    confidence: float = Field(gt=0.5, lt=1)
    """Level of all intervals."""
    interval: str
    """How they were made."""
    models: list[ModelRecord]
    metrics: list[MetricRecord]
    rows: list[ResultRow]
    comparisons: list[Comparison]
    clip_values: list[ClipValue]
    failed: list[FailedClip]
    flagged: list[FlaggedClip]
    provenance: dict[str, Any]
    """Versions, commit, machine, seeds."""


def read_results(path: Path) -> Results:
    """Read `results.json`.

    Raises:
        UserError: missing, damaged, or written by a newer version.
    """
    return read_versioned(
        path, Results, SCHEMA_VERSION, what="results", make="Run liveact-eval run or score first."
    )


def json_schema() -> dict[str, Any]:
    """The published JSON Schema."""
    return published(Results, "liveact-eval results, version 1")
