"""The numbers that every drifting quantity gives: total, last window, slope, and the size and time of a change."""

from __future__ import annotations

from liveact_eval.metrics._drift import Drift
from liveact_eval.metrics.base import Direction, Missing, Output, Range

SIGNIFICANT = 0.05
"""A change counts where chance explains it with at most this probability."""

_NO_CHANGE = Missing(
    "no_change", f"no change of the mean that chance would explain in under {SIGNIFICANT:.0%}"
)


def drift_outputs(
    name: str,
    title: str,
    direction: Direction,
    *,
    unit: str = "",
    digits: int = 3,
    best: float | None = None,
    limits: Range | None = None,
) -> tuple[Output, ...]:
    """Total, last window, slope, change and its time; their values are made by `drift_values`.

    Args:
        name: of the total, and the first part of the other names.
        title: heading of the total, and the first part of the other headings.
        direction: of the total and of the last window.
        unit: theirs.
        digits: decimals.
        best: their perfect score.
        limits: lowest and highest value that they can have, `None` where there is no bound.
    """
    return (
        Output(
            name=name, title=title, direction=direction, unit=unit, digits=digits, best=best, range=limits
        ),
        Output(
            name=f"{name}_last",
            title=f"{title} last",
            direction=direction,
            unit=unit,
            digits=digits,
            best=best,
            range=limits,
        ),
        *step_outputs(name, title, digits=digits),
        Output(
            name=f"{name}_change_s",
            title=f"{title} change at",
            direction="none",
            unit="s",
            digits=1,
            range=(0.0, None),
        ),
    )


def drift_values(name: str, drift: Drift) -> dict[str, float | Missing]:
    """The values of `drift_outputs`."""
    found = drift.change is not None and drift.change.p_value <= SIGNIFICANT
    return {
        name: drift.total,
        f"{name}_last": drift.last,
        **step_values(name, drift),
        f"{name}_change_s": drift.change.at_s if found and drift.change is not None else _NO_CHANGE,
    }


def step_outputs(name: str, title: str, *, digits: int = 3) -> tuple[Output, ...]:
    """Slope and change alone, neither of which is a score: a quantity may drift for the better."""
    return (
        Output(
            name=f"{name}_slope_per_min",
            title=f"{title} slope",
            direction="none",
            unit="1/min",
            digits=digits,
            range=(None, None),
        ),
        Output(
            name=f"{name}_change",
            title=f"{title} change",
            direction="none",
            digits=digits,
            range=(None, None),
        ),
    )


def step_values(name: str, drift: Drift) -> dict[str, float | Missing]:
    """The values of `step_outputs`. The change is the mean after less the mean before; 0 where chance explains it."""
    change: float | Missing
    if drift.change is None:
        change = Missing("too_short", "too few frames have a value to look for a change")
    else:
        significant = drift.change.p_value <= SIGNIFICANT
        change = drift.change.after - drift.change.before if significant else 0.0
    return {f"{name}_slope_per_min": drift.slope_per_minute, f"{name}_change": change}


def all_missing(outputs: tuple[Output, ...], missing: Missing) -> dict[str, float | Missing]:
    """The same reason for every output."""
    return {output.name: missing for output in outputs}
