"""The comparison in CSV, with every digit, and read back from it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from liveact_eval.comparing.schema import (
    ComparedColumn,
    ComparedMetric,
    ComparedValue,
    Comparison,
    Difference,
)
from liveact_eval.errors import UserError

T = TypeVar("T", bound=BaseModel)


class Line(BaseModel):
    """A value with what it takes to read it alone."""

    metric: str
    title: str
    unit: str
    direction: str
    recipe: str
    column: str
    column_title: str
    model: str
    kind: str
    runs: str
    """Separated by semicolons."""
    protocol: str
    tier: str
    value: float | None
    ci_low: float | None
    ci_high: float | None
    n: int
    n_total: int
    n_speakers: int
    reason: str | None


def lines_of(comparison: Comparison) -> list[Line]:
    """One line for each value of the table."""
    metrics: dict[str, ComparedMetric] = {metric.key: metric for metric in comparison.metrics}
    columns: dict[str, ComparedColumn] = {column.key: column for column in comparison.columns}
    return [
        _line(comparison, value, metrics[value.metric], columns[value.column]) for value in comparison.values
    ]


def _line(
    comparison: Comparison, value: ComparedValue, metric: ComparedMetric, column: ComparedColumn
) -> Line:
    return Line(
        title=metric.title,
        unit=metric.unit,
        direction=metric.direction,
        recipe=metric.recipe,
        column_title=column.title,
        model=column.model,
        kind=column.kind,
        runs=";".join(column.runs),
        protocol=comparison.protocol,
        tier=comparison.tier,
        **value.model_dump(),
    )


def values_csv(comparison: Comparison) -> str:
    """One line for each value; any CSV reader loads it."""
    return _written(Line, lines_of(comparison))


def differences_csv(comparison: Comparison) -> str:
    """One line for each metric and pair of columns."""
    return _written(Difference, comparison.differences)


def read_values(text: str) -> list[Line]:
    """What `values_csv` has written, with the same numbers.

    Raises:
        UserError: other fields, or a value that does not fit.
    """
    return _read(Line, text)


def read_differences(text: str) -> list[Difference]:
    """What `differences_csv` has written, with the same numbers.

    Raises:
        UserError: other fields, or a value that does not fit.
    """
    return _read(Difference, text)


def _written(kind: type[BaseModel], records: Sequence[BaseModel]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(kind.model_fields)
    for record in records:
        content = record.model_dump()
        # repr of a float reads back as the same float.
        writer.writerow(["" if content[name] is None else content[name] for name in kind.model_fields])
    return out.getvalue()


def _read(kind: type[T], text: str) -> list[T]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if list(reader.fieldnames or ()) != list(kind.model_fields):
        raise UserError(
            f"Not a table of liveact-eval compare: its fields are {reader.fieldnames}, expected "
            f"{list(kind.model_fields)}. Write it again with --format csv."
        )
    # An empty field is missing where that can be, and an empty text elsewhere.
    optional = {
        name
        for name, info in kind.model_fields.items()
        if type(None) in getattr(info.annotation, "__args__", ())
    }
    try:
        return [
            kind.model_validate({k: None if v == "" and k in optional else v for k, v in row.items()})
            for row in reader
        ]
    except ValidationError as error:
        raise UserError(f"A table of liveact-eval compare was changed: {error}") from error
