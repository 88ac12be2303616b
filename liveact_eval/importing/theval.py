"""Results of THEval as a run: the file of one metric (values per video, prose at the end), or the collected table.

A metric's file is a CSV with `Video Path` first, then a blank line and a summary in prose; paths may hold commas that
nobody quoted. The collected table has one row per model and one column per metric. THEval compares its metrics with
those of real videos, so none of them has a direction of its own.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from liveact_eval.clips.clip import VIDEO_SUFFIXES, printable
from liveact_eval.errors import UserError
from liveact_eval.importing.given import Given, GivenRow, GivenValue, clip_ids, imported_protocol
from liveact_eval.importing.naming import model_of, slug
from liveact_eval.importing.reading import named_files, read_text
from liveact_eval.metrics.base import Output

_RECIPE = "imported-theval@1"
_FIRST = "video path"
_METRICS = {
    "global_aesthetic": ("Global aesthetic", ("aesthetic score", "global aesthetic", "global aesthetics")),
    "mouth_quality": ("Mouth quality", ("mouth quality",)),
    "face_quality": ("Face quality", ("face quality",)),
    "lip_dynamics": ("Lip dynamics", ("std over time", "lip dynamics")),
    "head_motion_dynamics": ("Head motion dynamics", ("head motion dynamics", "head motion")),
    "eyebrow_dynamics": ("Eyebrow dynamics", ("micro expression intensity", "eyebrow dynamics")),
    "silent_lip_stability": ("Silent lip stability", ("silent mad", "silent lip stability")),
    "lip_sync": ("Lip sync", ("mean difference", "lip sync")),
}
"""Names here, THEval's titles, and how its columns are called."""
_QUALITY = "quality score"
"""The column of face and of mouth quality alike; the file's name tells them apart."""
_TOTAL = re.compile(r"(?:Overall Average|Average|Mean) [^:]*:\s*,?\s*([-+0-9.eE]+|nan)", re.IGNORECASE)


def read_theval(files: list[Path], name: str | None) -> Given:
    """THEval's files as one table.

    Args:
        files: files of metrics, which together are one model, or collected tables.
        name: name of the model of metric files; default: that of their folder.

    Raises:
        UserError: a file is neither, a metric comes twice, or a quality is not said to be of face or mouth.
    """
    rows: dict[tuple[str, str], GivenRow] = {}
    titles: dict[str, str] = {}
    values: dict[tuple[str, str], tuple[dict[str, float | None], float | None]] = {}
    for path in files:
        lines = _lines(path)
        if _key(lines[0][0]) == _FIRST:
            title = name or path.resolve().parent.name
            model, metric = slug(title), _metric_of(path, lines[0])
            if (model, metric) in values:
                raise UserError(f"{path}: {metric} is in an earlier file too. Give each metric once.")
            titles[model] = title
            values[model, metric] = _per_video(path, lines, metric)
        else:
            for title, metric, value in _collected(path, lines):
                key = slug(title), _name(metric)
                if key in rows:
                    raise UserError(f"{path}: {metric} of {title!r} is there twice. Give each model once.")
                titles[slug(title)] = title
                rows[key] = GivenRow(total=value, note=None if value is not None else "THEval gave no number")
    ids = _ids(values)
    clips = sorted({clip for of in ids.values() for clip in of.values()})
    for (model, metric), (found, total) in values.items():
        if (model, _name(metric)) in rows:
            raise UserError(
                f"{metric} of {titles[model]!r} is in a file of its own and in a collected table. Give it once."
            )
        rows[model, _name(metric)] = GivenRow(
            clips={ids[model][video]: _value(number) for video, number in found.items()}, total=total
        )
    metrics = [metric for metric in _METRICS if any(_name(metric) == of for _, of in rows)]
    protocol, protocol_id = imported_protocol("imported-theval", clips)
    return Given(
        name="imported-theval",
        dataset="imported-theval",
        dataset_title="Imported from THEval",
        protocol=protocol,
        protocol_id=protocol_id,
        clips=clips,
        models=[model_of(model, printable(title), "imported") for model, title in titles.items()],
        outputs=[(_output(metric), _RECIPE) for metric in metrics],
        rows=rows,
        source={"kind": "THEval", "files": named_files(files)},
    )


def _ids(
    values: Mapping[tuple[str, str], tuple[dict[str, float | None], float | None]],
) -> dict[str, dict[str, str]]:
    """Clip ids by path, model by model: the same clip lies in another folder for each of them."""
    videos: dict[str, dict[str, None]] = {}
    for (model, _), (found, _) in values.items():
        videos.setdefault(model, {}).update(dict.fromkeys(found))
    return {model: clip_ids(list(paths)) for model, paths in videos.items()}


def _lines(path: Path) -> list[list[str]]:
    try:
        lines = list(csv.reader(io.StringIO(read_text(path), newline="")))
    except csv.Error as error:
        raise UserError(f"{path}: not a CSV file: {error}. Give a file as THEval writes it.") from error
    if not lines or not lines[0]:
        raise UserError(f"{path}: empty; expected a file of one THEval metric, or its collected table.")
    return lines


def _key(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()


def _metric_of(path: Path, head: list[str]) -> str:
    """Which metric a file holds: by its last column, and for the two qualities by its name."""
    column = _key(head[-1])
    if column == _QUALITY:
        named = [part for part in ("mouth", "face") if part in path.stem.lower()]
        if len(named) != 1:
            raise UserError(
                f"{path}: the column {head[-1]!r} is that of face and of mouth quality alike. Rename the file so that "
                "its name holds `face` or `mouth`."
            )
        return f"{named[0]}_quality"
    for metric, (_, columns) in _METRICS.items():
        if column in columns:
            return metric
    raise UserError(
        f"{path}: no metric of THEval has the column {head[-1]!r}. Known: "
        f"{', '.join(title for title, _ in _METRICS.values())}."
    )


def _per_video(
    path: Path, lines: list[list[str]], metric: str
) -> tuple[dict[str, float | None], float | None]:
    """Values by path of the video, and the total of the summary."""
    width = len(lines[0])
    found: dict[str, float | None] = {}
    rest = iter(lines[1:])
    for line in rest:
        if not any(cell.strip() for cell in line):
            break
        if len(line) < width:
            raise UserError(f"{path}: {','.join(line)[:80]!r} has {len(line)} columns, expected {width}.")
        # What is too many belongs to a path with commas in it.
        video = ",".join(line[: len(line) - width + 1]).strip()
        if video in found:
            raise UserError(f"{path}: the video {video!r} is there twice.")
        found[video] = _number(path, line[-1])
    after = list(rest)
    for line in after:
        if (
            len(line) >= width
            and Path(",".join(line[: len(line) - width + 1]).strip()).suffix.lower() in VIDEO_SUFFIXES
        ):
            raise UserError(
                f"{path}: {','.join(line)[:80]!r} comes after an empty line, where THEval's values have ended. Take "
                "the empty line out."
            )
    tail = "\n".join(",".join(line) for line in after)
    total = _TOTAL.search(tail)
    if not found:
        raise UserError(f"{path}: no video below its head; expected values of {metric}.")
    return found, None if total is None else _number(path, total[1])


def _collected(path: Path, lines: list[list[str]]) -> Iterator[tuple[str, str, float | None]]:
    """(model, metric, value) of a collected table; a model without any number is there too."""
    head = [_key(cell) for cell in lines[0]]
    columns = {
        index: metric
        for index, cell in enumerate(head)
        for metric, (_, names) in _METRICS.items()
        if cell in names
    }
    if not columns or 0 in columns:
        raise UserError(
            f"{path}: neither a file of one THEval metric (first column `Video Path`) nor its collected table (first "
            f"column the model, then metrics). Its head is {', '.join(lines[0])[:120]!r}."
        )
    for line in lines[1:]:
        if not any(cell.strip() for cell in line):
            continue
        title = line[0].strip()
        if not title:
            raise UserError(f"{path}: {','.join(line)[:80]!r} names no model in its first column.")
        for index, metric in columns.items():
            yield title, metric, _number(path, line[index]) if index < len(line) else None


def _number(path: Path, text: str) -> float | None:
    text = text.strip()
    if not text or text.lower() == "nan":
        return None
    try:
        # Python would take `1_000` too.
        value = float(text.replace("_", "x"))
    except ValueError as error:
        raise UserError(f"{path}: {text[:40]!r} is no number.") from error
    return value if math.isfinite(value) else None


def _value(number: float | None) -> GivenValue:
    return (
        GivenValue(None, reason="not_finite", detail="THEval gave NaN")
        if number is None
        else GivenValue(number)
    )


def _name(metric: str) -> str:
    """Its name in results."""
    return f"theval_{metric}"


def _output(metric: str) -> Output:
    """An output of THEval; its names are its own, since what it measures has other definitions than here."""
    return Output(
        name=f"theval_{metric}", title=f"{_METRICS[metric][0]} (THEval)", direction="none", digits=4
    )
