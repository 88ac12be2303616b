"""What `selftest.json` holds. Its JSON Schema is published as docs/schema/selftest-1.json."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from liveact_eval.results.versioned import published, read_versioned

SCHEMA_VERSION = 1
Verdict = Literal["monotone", "saturated", "not monotone", "flat", "wrong way", "missing"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class DistortionRecord(_Record):
    """What was done to the clips."""

    name: str
    title: str
    unit: str
    """Unit of the strength."""
    says: str
    """What was done, in a sentence."""
    strengths: list[float]
    """Strength of the levels 1, 2, ...; level 0 is the clip as it is."""
    baseline: str
    """Row of results.json that is level 0."""


class OutputRecord(_Record):
    """One output of a metric."""

    name: str
    title: str
    metric: str
    """The metric that gives it."""
    direction: Literal["up", "down", "none"]
    """`up`: higher is better; `down`: lower; `none`: not a score."""
    unit: str
    digits: int
    recipe: str
    """How it is computed, with the weights of its networks."""
    seeded: bool
    """Whether its networks have weights from a rule: such values try the machinery and never decide."""


class LevelValue(_Record):
    """The value at one level."""

    level: int
    strength: float
    """In the unit of the distortion; 0 at level 0."""
    value: float | None
    """Over all clips that have one; `null` where none has."""
    ci_low: float | None
    ci_high: float | None
    change: float | None
    """Mean difference from level 0 over the clips that have both."""
    n: int
    """Clips that have a value."""
    n_total: int
    failures: dict[str, int]
    """Clips without a value, by reason."""


class Cell(_Record):
    """One output under one distortion."""

    output: str
    distortion: str
    verdict: Verdict
    """`monotone`: moves one way at every level or nearly; `saturated`: the same up to a level, and no further;
    `flat`: does not move beyond its interval; `wrong way`: moves against what is expected; `missing`: no curve."""
    trend: Literal["up", "down", "none"]
    """Which way it moves."""
    expected: Literal["up", "down", "still"] | None
    """Which way it must; `null` where nothing follows from what both are."""
    within: float | None
    """For `still`: how far from level 0 it may be."""
    met: bool | None
    """Whether what is expected came; `null` where nothing is expected or nothing was measured."""
    rank_correlation: float | None
    """Spearman's of value and level in each clip, mean over clips; `null` where nothing moves."""
    ci_low: float | None
    """Interval of the correlation over speakers."""
    ci_high: float | None
    dead_until: int | None
    """Last level that cannot be told from level 0."""
    saturated_from: int | None
    """Level from which on nothing changes."""
    n: int
    """Clips with a value at level 0 and at some other."""
    n_total: int
    levels: list[LevelValue]


class Unavailable(_Record):
    """A metric that was not run."""

    metric: str
    reason: str
    """What is missing, with the command that mends it."""


class Failure(_Record):
    """A clip that a stage could not deal with, or whose video was refused."""

    model: str
    clip: str
    reason: str
    message: str


class SelfTest(_Record):
    """Everything that a reader needs to judge the metrics."""

    schema_version: Literal[1] = 1
    """Raised with every change that a reader could stumble over."""
    name: str
    """Name of the folder."""
    dataset: str
    dataset_title: str
    tier: Literal["mini", "paper"]
    protocol: str
    """Id of the protocol: name, version, and hash over its fields and the clip list."""
    clips: list[str]
    speakers: int
    confidence: float
    interval: str
    """How intervals were made."""
    passed: bool
    """Whether all that is expected of metrics that count came."""
    broken: list[str]
    """What did not come, one sentence each."""
    checked: int
    """Expectations that were put to the test."""
    distortions: list[DistortionRecord]
    outputs: list[OutputRecord]
    cells: list[Cell]
    unavailable: list[Unavailable]
    failed: list[Failure]
    provenance: dict[str, Any]


def read_selftest(path: Path) -> SelfTest:
    """Read `selftest.json`.

    Raises:
        UserError: missing, damaged, or written by a newer version.
    """
    make = "Make one with: liveact-eval metrics selftest --out DIR"
    return read_versioned(path, SelfTest, SCHEMA_VERSION, what="self-test", make=make)


def json_schema() -> dict[str, Any]:
    """The published JSON Schema."""
    return published(SelfTest, "liveact-eval self-test of metrics, version 1")
