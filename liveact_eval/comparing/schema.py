"""What a comparison of runs holds; `liveact-eval compare --format json` prints it.

Its JSON Schema is published as docs/schema/comparison-1.json.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from liveact_eval.results.versioned import published

SCHEMA_VERSION = 1


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class ComparedColumn(_Record):
    """A model of one of the runs."""

    key: str
    """Its name in the other records: that of the model, with the run where two runs have the model."""
    title: str
    """Heading in tables."""
    model: str
    """Name of the model card."""
    kind: str
    """`control`, `native`, `videos`."""
    runs: list[str]
    """Runs that it stands for; several for a control that says the same in all of them."""
    rival: bool
    """Whether it competes for bold."""


class ComparedMetric(_Record):
    """A row of the table: one output under one recipe."""

    key: str
    """Its name in the other records: that of the output, with the recipe where there are two."""
    metric: str
    """Name of the output."""
    title: str
    direction: Literal["up", "down", "none"]
    unit: str
    digits: int
    recipe: str
    n: int
    """Clips that every column with a number has one of; all numbers of the row are over these."""


class ComparedValue(_Record):
    """One number of the table."""

    metric: str
    column: str
    value: float | None
    ci_low: float | None
    ci_high: float | None
    n: int
    n_total: int
    n_speakers: int
    reason: str | None
    """Why there is no value, or none that can be compared."""


class Difference(_Record):
    """Two columns on the clips of the row."""

    metric: str
    column: str
    other: str
    difference: float | None
    """Value of `column` less that of `other`; `null`: not compared, for `reason`."""
    ci_low: float | None
    ci_high: float | None
    """Its interval, not corrected."""
    p: float | None
    """Two-sided probability of a difference as large where there is none."""
    p_corrected: float | None
    """The same, corrected for all comparisons of the table; the verdict is made of it."""
    n: int
    verdict: Literal["better", "worse", "cannot tell"] | None
    """What that says about `column`; `null` where the metric is not a score, or is not compared."""
    reason: str | None = None
    """Why there is no difference."""


class Comparison(_Record):
    """Everything that the tables need."""

    schema_version: Literal[1] = 1
    dataset: str
    dataset_title: str
    tier: Literal["mini", "paper"]
    protocol: str
    """Id of the protocol over the shared clips."""
    clips: list[str]
    """Shared clips."""
    speakers: int
    runs: list[str]
    confidence: float
    interval: str
    """How intervals of values are made."""
    difference_interval: str
    """How those of differences are made."""
    correction: str
    """The correction for many comparisons, and how many there are."""
    columns: list[ComparedColumn]
    metrics: list[ComparedMetric]
    values: list[ComparedValue]
    differences: list[Difference]
    notes: list[str]
    """What a reader must know beside the numbers."""


def json_schema() -> dict[str, Any]:
    """The published JSON Schema."""
    return published(Comparison, "liveact-eval comparison of runs, version 1")
