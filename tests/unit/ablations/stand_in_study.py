"""An ablation without a model: readings that are known."""

from __future__ import annotations

from pathlib import Path

from liveact_eval.ablations.bench import Bench
from liveact_eval.ablations.study import (
    Curve,
    CurveMeasure,
    Finding,
    Measure,
    Reading,
    Request,
    Study,
    Unit,
    Variant,
)
from liveact_eval.errors import ClipError
from liveact_eval.metrics.base import Missing

OFFSETS = {"a": 1.0, "b": 3.0}


class Known(Study):
    """Variant b is 2 above variant a in every unit; one measure is never there."""

    name = "known"
    title = "Known"
    summary = "Known readings."
    source = "this test"
    measures = (
        Measure(name="height", title="Height", direction="up", unit="m", digits=2),
        Measure(name="absent", title="Absent"),
    )
    curves = (CurveMeasure(name="climb", title="Climb", x_title="time [s]"),)
    findings = (
        Finding(says="B is above a.", source="p. 1", measure="height", variant="b", other="a", relation=">"),
        Finding(says="A is above b.", source="p. 1", measure="height", variant="a", other="b", relation=">"),
        Finding(
            says="B is less than twice a.",
            source="p. 2",
            measure="height",
            variant="b",
            other="a",
            form="ratio",
            relation="<",
            bound=2.0,
        ),
        Finding(
            says="A is absent.", source="p. 3", measure="absent", variant="a", form="value", relation="<"
        ),
    )
    notes = ("Nothing to know.",)
    least_seconds = 1.0

    def __init__(self) -> None:
        self.done: list[tuple[str, str, int]] = []
        self.interrupt_after: int | None = None
        self.failing: set[tuple[str, int]] = set()

    def variants(self, request: Request) -> tuple[Variant, ...]:
        return tuple(Variant(name=name, title=name.upper()) for name in OFFSETS)

    def identity(self, bench: Bench, variant: Variant) -> str:
        return "known"

    def read(self, unit: Unit, bench: Bench) -> Reading:
        if self.interrupt_after is not None and len(self.done) >= self.interrupt_after:
            raise KeyboardInterrupt
        if (unit.variant.name, unit.seed) in self.failing:
            raise ClipError("not_generated", "the model refused")
        self.done.append((unit.variant.name, unit.clip.id, unit.seed))
        height = OFFSETS[unit.variant.name] + 0.1 * unit.seed + 0.01 * int(unit.clip.speaker[-1])
        return Reading(
            values={"height": height, "absent": Missing("no_reader", "nobody reads it")},
            curves={"climb": Curve(x=[5.0, 15.0], y=[height, None])},
        )


def request(out: Path, *, seeds: int = 3, clips: int = 2) -> Request:
    """A request of the smallest model."""
    return Request(
        model="liveact-tiny", weights=None, kits=(), seeds=seeds, clips=clips, seconds=2.0, out=out
    )


class Silent:
    """Hears of progress."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def advance(self, text: str, *, failed: bool = False) -> None:
        self.told.append(text)
