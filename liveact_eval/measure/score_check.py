"""What a metric says about a clip, checked before anybody relies on it: a wrong type costs that metric alone."""

from __future__ import annotations

import numbers
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np

from liveact_eval.metrics.base import ClipScore, Metric, Missing
from liveact_eval.metrics.set_metric import SetMetric

_NUMBER = "a number or Missing(reason, detail)"
_LONGEST = 80


def checked(metric: Metric, score: object) -> ClipScore:
    """A score as the journal takes it: numbers as Python floats, additive vectors beside them.

    Args:
        metric: whose score it is.
        score: what its `score` returned.

    Raises:
        TypeError: a value, a curve or a vector is of a wrong type or shape.
        ValueError: an output is not given, given twice or not declared, or a vector is not finite.
    """
    if not isinstance(score, ClipScore):
        raise _wrong("", score, "a ClipScore")
    names = [output.name for output in metric.outputs]
    _check_names(names, score)
    values = {name: _value(name, value) for name, value in score.values.items()}
    for name, part in score.parts.items():
        if not isinstance(metric, SetMetric):
            raise ValueError(f"score returned a part for {name!r}; only a SetMetric has parts: give values")
        _check_vector(f"parts[{name!r}]", part)
    for curve, points in score.curves.items():
        _check_curve(curve, points)
    statistics = {}
    for name, value in values.items():
        if isinstance(value, Missing) or not np.isfinite(value):
            continue
        if isinstance(metric, SetMetric):
            raise ValueError(
                f"score returned {value!r} for {name!r}; of a SetMetric expected a part, or a Missing"
            )
        vector = score.statistics[name] if name in score.statistics else metric.statistics(value)
        _check_vector(f"statistics[{name!r}]", vector, finite=True)
        statistics[name] = vector
    return replace(score, values=values, statistics=statistics)


def _check_names(names: Collection[str], score: ClipScore) -> None:
    given = [*score.values, *score.parts]
    expected = f"expected each of {', '.join(names)} once, in `values` or in `parts`"
    if sorted(map(str, given)) != sorted(names):
        raise ValueError(f"score returned {', '.join(map(str, given)) or 'no output'}; {expected}")
    unknown = [str(name) for name in score.statistics if name not in score.values]
    if unknown:
        raise ValueError(
            f"score returned statistics for {', '.join(unknown)}, which has no value; {expected}"
        )


def _value(name: str, value: object) -> float | Missing:
    if isinstance(value, Missing):
        if not (isinstance(value.reason, str) and value.reason.strip() and isinstance(value.detail, str)):
            raise _wrong(f" for {name!r}", value, "Missing(reason, detail) of two texts, the first not empty")
        return value
    # A truth value counts as a number for Python and not for NumPy: neither is one here.
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        hint = "; call float(...) on it" if getattr(value, "shape", None) == () else ""
        raise _wrong(f" for {name!r}", value, _NUMBER + hint)
    return float(value)


def _check_curve(name: object, points: Any) -> None:
    rows = isinstance(points, np.ndarray) and points.ndim in (1, 2)
    if not isinstance(name, str) or not rows or points.dtype.kind not in "fiu":
        raise _wrong(
            f" for the curve {name!r}", points, "a text as name, a NumPy array (T,) or (T, d) of real numbers"
        )


def _check_vector(where: str, vector: Any, *, finite: bool = False) -> None:
    if not isinstance(vector, np.ndarray) or vector.ndim != 1 or vector.dtype.kind not in "fiu":
        raise _wrong(f" in {where}", vector, "a NumPy array (d,) of real numbers")
    if finite and not np.isfinite(vector).all():
        raise ValueError(f"score returned {_told(vector)} in {where}; expected finite numbers")


def _wrong(where: str, seen: object, expected: str) -> TypeError:
    return TypeError(f"score returned {_told(seen)}{where}; expected {expected}")


def _told(seen: object) -> str:
    """A value with its type, on one line: that line is what people read of the failure."""
    if seen is None:
        return "None"
    shape = getattr(seen, "shape", None)
    kind = f"{type(seen).__module__}.{type(seen).__qualname__}".removeprefix("builtins.")
    if shape:
        return f"a {kind} of shape {tuple(shape)} and type {getattr(seen, 'dtype', '?')}"
    text = " ".join(repr(seen).split())
    return f"the {kind} {text if len(text) <= _LONGEST else text[:_LONGEST] + '...'}"
