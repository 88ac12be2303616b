"""Published tables and claims as typed data: what the papers print, with what is doubtful about it.

A number is kept as it was printed. Nothing is corrected: `doubts`, beside the numbers, say what looks wrong.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic_core import ErrorDetails

from liveact_eval.errors import UserError, unknown_name

SCHEMA_VERSION = 1
"""The newest schema of these files that this version reads."""

CLAIMS_FILE = "claims.json"
"""The one file in the folder that is not a table: numbers that the papers state in their text."""


class _FieldError(ValueError):
    """A wrong value whose message needs the three parts that every message about a file has."""

    def __init__(self, field: str, seen: str, expected: str) -> None:
        super().__init__(f"{field}: {seen}; expected {expected}")
        self.field = field
        self.seen = seen
        self.expected = expected


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class _FromPaper(_Data):
    paper: str = Field(min_length=1)
    """Short name of the paper."""
    title: str | None = None
    """Full title of the paper."""
    arxiv: str | None = Field(default=None, pattern=r"^\d{4}\.\d{4,5}$")
    """arXiv identifier of the paper, null where it is not stated in the texts that were read."""


class TotalLast(_Data):
    """A cell printed as "Total / Last"."""

    total: int | float
    """Over the whole rollout."""
    last: int | float
    """Over its last part only."""


def _one_message(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    """A union reports an error per member; a cell that fits none of them is one mistake."""
    try:
        return validate(value)
    except ValidationError:
        raise _FieldError("", repr(value), "a number, true or false, {total, last}, or null") from None


Value: TypeAlias = Annotated[bool | int | float | TotalLast | None, WrapValidator(_one_message)]
"""A cell of a table; null where the paper prints nothing."""


class PaperMetric(_Data):
    """A column of a table."""

    name: str = Field(min_length=1)
    """The column's name in the paper; the VBench version is put before it where the header lost it."""
    direction: Literal["up", "down", "none"]
    """Which way is better; `none` for what is not a score."""
    unit: str
    """Unit of the printed values, empty for a plain number; `1e-2` is hundredths, `boolean` is yes or no."""
    key: str | None = None
    """This project's name of the same quantity; null where it has none or the meaning is not clear."""
    split: bool = False
    """Whether each cell is printed as "Total / Last"."""
    shared_between_datasets: bool = False
    """Whether the paper prints one value per model for all datasets; it is repeated in each table here."""


class PaperRow(_Data):
    """A row of a table."""

    model: str = Field(min_length=1)
    """The row's name in the paper: a system, a variant, or a quantity."""
    ours: bool
    """Whether this row is what the paper proposes; never true where the rows do not compete."""
    values: Mapping[str, Value]
    """Metric name to the printed value: one entry for each metric of the table."""
    settings: Mapping[str, int] = Field(default_factory=dict)
    """Numbers that define the variant, where the row is one of a grid."""
    unit: str | None = None
    """Unit of this row's values where it differs from the metric's."""
    note: str | None = None
    """What must be known about this row alone."""


class PaperTable(_FromPaper):
    """One published table, or the part of it that belongs to one dataset."""

    schema_version: int = Field(ge=1)
    """Schema of the file; a newer one than `SCHEMA_VERSION` is refused."""
    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    """Name of this table here; equal to the file's name without `.json`."""
    table: str = Field(min_length=1)
    """Number of the table in the paper, such as `2` or `4 (left)`."""
    caption: str
    """What the caption says; legends and remarks on highlighting are left out."""
    dataset: str | None = None
    """Clips that were measured, in the paper's words; null where the table is not about one."""
    n_videos: int | None = Field(default=None, ge=1)
    """Number of videos measured, null where it is not stated as one number."""
    resolution: str | None = None
    """Size of the generated videos, in the paper's words."""
    fps: int | None = Field(default=None, ge=1)
    """Frame rate of the generated videos in frames per second."""
    metrics: tuple[PaperMetric, ...]
    """Columns, in the paper's order; none where the body of the table is not known."""
    rows: tuple[PaperRow, ...]
    """Rows, in the paper's order; of a grid, each cell is a row."""
    notes: tuple[str, ...] = ()
    """What a reader must know to use the numbers: conditions, gaps, how the text was read."""
    doubts: tuple[str, ...] = ()
    """What cannot be right, contradicts another place, or looks like a slip. The numbers stay as printed."""

    @model_validator(mode="after")
    def _cells_fit_columns(self) -> PaperTable:
        metrics = {metric.name: metric for metric in self.metrics}
        _refuse_repeated("metrics", [metric.name for metric in self.metrics])
        _refuse_repeated("rows", [row.model for row in self.rows])
        for index, row in enumerate(self.rows):
            where = f"rows.{index}.values"
            for name in row.values:
                if name not in metrics:
                    raise _FieldError(
                        where, f"value of {name!r}", f"metrics of the table only: {sorted(metrics)}"
                    )
            for name, metric in metrics.items():
                if name not in row.values:
                    raise _FieldError(
                        where, f"no value of {name!r}", "one for each metric (null if not printed)"
                    )
                _check_cell(f"{where}.{name}", metric, row.values[name])
        return self


class PaperQuantity(_Data):
    """One number out of a claim."""

    name: str = Field(min_length=1)
    """What is counted or measured."""
    value: int | float
    """The number as printed."""
    unit: str
    """Its unit, empty for a plain number."""
    key: str | None = None
    """This project's name of the same quantity, null where there is none."""


class PaperClaim(_FromPaper):
    """A statement with numbers that a paper makes in its text."""

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    """Name of this claim here."""
    text: str = Field(min_length=1)
    """The claim in short."""
    quantities: tuple[PaperQuantity, ...] = ()
    """Its numbers, one by one."""


class PaperWithoutTables(_FromPaper):
    """A text that was read and gave no table."""

    note: str
    """What the text is, and why there is no table of it."""


class PaperClaims(_Data):
    """Everything in `claims.json`."""

    schema_version: int = Field(ge=1)
    """Schema of the file; a newer one than `SCHEMA_VERSION` is refused."""
    claims: tuple[PaperClaim, ...]
    """Numbers that stand in the text of a paper and in no table."""
    without_tables: tuple[PaperWithoutTables, ...] = ()
    """Texts that were read for tables in vain."""

    @model_validator(mode="after")
    def _ids_are_unique(self) -> PaperClaims:
        _refuse_repeated("claims", [claim.id for claim in self.claims])
        return self


def load_tables(root: Path) -> list[PaperTable]:
    """Every published table in the folder `root` (`reports/paper`), ordered by id.

    Raises:
        UserError: The folder does not exist, or a file in it is not a table.
    """
    return [_load(path, PaperTable) for _, path in sorted(_table_files(root).items())]


def load_table(root: Path, id: str) -> PaperTable:
    """The published table named `id` in the folder `root`, such as `liveact-table2-hdtf`.

    Raises:
        UserError: There is no table of that name, or its file is malformed.
    """
    files = _table_files(root)
    if id not in files:
        raise unknown_name("published table", id, files)
    return _load(files[id], PaperTable)


def load_claims(root: Path) -> PaperClaims:
    """The numbers that papers state in their text, from `claims.json` in the folder `root`.

    Raises:
        UserError: The file is missing or malformed.
    """
    return _load(root / CLAIMS_FILE, PaperClaims)


_Model = TypeVar("_Model", PaperTable, PaperClaims)

_PARTS: dict[str, type[BaseModel]] = {
    "metrics": PaperMetric,
    "rows": PaperRow,
    "claims": PaperClaim,
    "quantities": PaperQuantity,
    "without_tables": PaperWithoutTables,
}
"""The model behind each list in a file: an unknown field is compared with the names of the right one."""


def _table_files(root: Path) -> dict[str, Path]:
    if not root.is_dir():
        raise UserError(f"No folder of published tables at {root}. Expected one with a .json file per table.")
    return {path.stem: path for path in root.glob("*.json") if path.name != CLAIMS_FILE}


def _load(path: Path, kind: type[_Model]) -> _Model:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"Cannot read {path}: {error}. Expected a JSON file in UTF-8.") from None
    _check_json(path, text)
    try:
        data = kind.model_validate_json(text)
    except ValidationError as error:
        lines = "".join(f"\n  {_explain(kind, detail)}" for detail in error.errors()[:5])
        raise UserError(f"{path} is not a valid file of the kind {kind.__name__}:{lines}") from None
    if isinstance(data, PaperTable) and data.id != path.stem:
        raise UserError(f"{path}: id: seen {data.id!r}; expected the file's name, {path.stem!r}.")
    return data


def _check_json(path: Path, text: str) -> None:
    """Refuse what pydantic lets pass: a repeated key would lose a number, a newer schema could mislead."""

    def no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        for key in keys:
            if keys.count(key) > 1:
                raise UserError(f"{path}: {key}: seen {keys.count(key)} times in one object; expected once.")
        return dict(pairs)

    try:
        data = json.loads(text, object_pairs_hook=no_repeats)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise UserError(f"{path}: not JSON at {where}: {error.msg}. Expected a JSON object.") from None
    version = data.get("schema_version") if isinstance(data, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise UserError(
            f"{path}: schema_version: seen {version}; this version of liveact-eval reads at most "
            f"{SCHEMA_VERSION}. Upgrade it: pip install --upgrade liveact-eval"
        )


def _explain(kind: type[BaseModel], detail: ErrorDetails) -> str:
    """One error of pydantic as "field: seen X; expected Y"."""
    field = ".".join(str(part) for part in detail["loc"])
    cause = detail.get("ctx", {}).get("error")
    if isinstance(cause, _FieldError):
        path = ".".join(part for part in (field, cause.field) if part)
        return f"{path}: seen {cause.seen}; expected {cause.expected}"
    if detail["type"] == "missing":
        return f"{field}: seen nothing; expected this field"
    if detail["type"] == "extra_forbidden":
        parts = [_PARTS[name] for name in detail["loc"][:-1] if isinstance(name, str) and name in _PARTS]
        known = sorted((parts[-1] if parts else kind).model_fields)
        near = difflib.get_close_matches(str(detail["loc"][-1]), known, n=1)
        guess = f" (did you mean {near[0]!r}?)" if near else ""
        return f"{field}: seen an unknown field; expected one of {', '.join(known)}{guess}"
    message = detail["msg"].removeprefix("Input should be ")
    return f"{field or 'the file'}: seen {_short(detail['input'])}; expected {message}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _refuse_repeated(field: str, names: Sequence[str]) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise _FieldError(field, f"{', '.join(repeated)} more than once", "each name once")


def _check_cell(field: str, metric: PaperMetric, value: Value) -> None:
    if value is None:
        return
    if metric.split and not isinstance(value, TotalLast):
        raise _FieldError(field, repr(value), "{total, last}, since the metric says split")
    if not metric.split and isinstance(value, TotalLast):
        raise _FieldError(field, repr(value), "one value, since the metric does not say split")
    if isinstance(value, bool) != (metric.unit == "boolean"):
        raise _FieldError(
            field, repr(value), "true or false where the metric's unit is 'boolean', a number elsewhere"
        )
