"""What `ablation.json` holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from liveact_eval.results.versioned import read_versioned

SCHEMA_VERSION = 1
Found = Literal["holds", "does not hold", "cannot tell"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class VariantRecord(_Record):
    """A row of the table."""

    name: str
    title: str
    unavailable: str | None
    """Why it was not run, with the command that mends it."""


class MeasureRecord(_Record):
    """A column of the table."""

    name: str
    title: str
    direction: Literal["up", "down", "none"]
    """`up`: higher is better; `down`: lower; `none`: not a score."""
    unit: str
    digits: int


class CurveRecord(_Record):
    """A plot."""

    name: str
    title: str
    x_title: str
    unit: str


class Row(_Record):
    """A measure of a variant."""

    variant: str
    measure: str
    value: float | None
    """Mean over the units that have one; `null` where none has."""
    ci_low: float | None
    ci_high: float | None
    n: int
    """Units (clip, seed) that have a value."""
    n_total: int
    reasons: dict[str, int]
    """Units without a value, by reason."""
    detail: str | None
    """What the first unit without a value says."""


class Point(_Record):
    """A point of a curve of a variant."""

    variant: str
    curve: str
    x: float
    value: float | None
    ci_low: float | None
    ci_high: float | None
    n: int


class FindingRecord(_Record):
    """What the paper found, and what was found here."""

    says: str
    source: str
    test: str
    """The inequality that decides."""
    found: Found
    """`holds` and `does not hold`: the interval is on one side of the bound; else `cannot tell`."""
    value: float | None
    """The side of the inequality that was measured."""
    ci_low: float | None
    ci_high: float | None
    n: int
    """Units that it is computed from, paired where two variants are compared."""
    sentence: str
    """All of it in a sentence."""


class Failure(_Record):
    """A unit without a reading."""

    variant: str
    clip: str
    seed: int
    reason: str
    message: str


class Ablation(_Record):
    """Everything that a reader needs to judge an ablation."""

    schema_version: Literal[1] = 1
    """Raised with every change that a reader could stumble over."""
    study: str
    title: str
    summary: str
    source: str
    """Where the paper has it."""
    model: str
    weights: dict[str, str]
    """What each variant's key says about weights and readers."""
    dataset: str
    tier: Literal["mini", "paper"]
    clips: list[str]
    speakers: int
    seeds: list[int]
    seconds: float
    """Length of a clip."""
    confidence: float
    interval: str
    """How intervals were made, or why there are none."""
    variants: list[VariantRecord]
    measures: list[MeasureRecord]
    curves: list[CurveRecord]
    rows: list[Row]
    points: list[Point]
    findings: list[FindingRecord]
    notes: list[str]
    failed: list[Failure]
    units: int
    """Units that were to be done."""
    units_done: int
    provenance: dict[str, Any]


def read_ablation(path: Path) -> Ablation:
    """Read `ablation.json`.

    Raises:
        UserError: missing, damaged, or written by a newer version.
    """
    make = "Make one with: liveact-eval ablate NAME"
    return read_versioned(path, Ablation, SCHEMA_VERSION, what="ablation", make=make)
