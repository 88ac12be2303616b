"""Results of VBench as a run: `<name>_eval_results.json`, a map from a dimension to [total, values per video]."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from liveact_eval.clips.clip import printable
from liveact_eval.errors import UserError
from liveact_eval.importing.given import NOT_GIVEN, Given, GivenRow, GivenValue, clip_ids, imported_protocol
from liveact_eval.importing.naming import model_of, unique_names
from liveact_eval.importing.reading import named_files, read_text
from liveact_eval.metrics.base import Output

SUFFIX = "_eval_results"
_LARGEST = 1e300
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_. -]{0,79}")
"""Names of dimensions, which become columns of tables."""
_PERCENT = ("imaging_quality",)
"""Dimensions whose values per video are in percent while their total is not."""


def read_vbench(files: list[Path], name: str | None) -> Given:
    """VBench's result files as one table, each file a model.

    Args:
        files: `*_eval_results.json`.
        name: name of the model, for one file; default: the file's name without `_eval_results`.

    Raises:
        UserError: a file is not such a file, or two would have one name.
    """
    names = unique_names(files, name, SUFFIX)
    contents = {path: _read(path) for path in files}
    videos = [p for content in contents.values() for p in _paths(content)]
    ids = {path: clip_ids(list(dict.fromkeys(_paths(content)))) for path, content in contents.items()}
    clips = sorted({clip for of in ids.values() for clip in of.values()})
    rows: dict[tuple[str, str], GivenRow] = {}
    for path, content in contents.items():
        for dimension, found in content.items():
            rows[names[path], dimension] = _row(path, dimension, found, ids[path], clips)
    dimensions = sorted({dimension for content in contents.values() for dimension in content})
    protocol, protocol_id = imported_protocol("imported-vbench", clips)
    return Given(
        name="imported-vbench",
        dataset="imported-vbench",
        dataset_title="Imported from VBench",
        protocol=protocol,
        protocol_id=protocol_id,
        clips=clips,
        models=[
            model_of(names[path], printable(path.stem.removesuffix(SUFFIX)), "imported") for path in files
        ],
        outputs=[(_output(dimension), "imported-vbench@1") for dimension in dimensions],
        rows=rows,
        source={"kind": "VBench", "files": named_files(files), "videos": len(videos)},
    )


def _read(path: Path) -> dict[str, Any]:
    expected = (
        "expected the *_eval_results.json of VBench: a map from a dimension to [total, values per video]"
    )
    text = read_text(path)
    try:
        content = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not JSON ({error}); {expected}.") from error
    if not isinstance(content, dict) or not content:
        raise UserError(f"{path}: {expected}, found {type(content).__name__}.")
    for dimension, found in content.items():
        if not _NAME.fullmatch(dimension):
            raise UserError(f"{path}: {dimension[:60]!r} is no name of a dimension; {expected}.")
        if not isinstance(found, (list, int, float)) or found == []:
            raise UserError(f"{path}: dimension {dimension!r} is {str(found)[:60]!r}; {expected}.")
    return content


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON; of two values under one name it is not known which is meant."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise ValueError(f"{twice[:60]!r} is there twice")
    return found


def _per_video(found: Any) -> list[Any]:
    """What a dimension has beside its total."""
    beside = found[1] if isinstance(found, list) and len(found) > 1 else []
    return beside if isinstance(beside, list) else []


def _videos(found: Any) -> list[dict[str, Any]]:
    """What a dimension says of each video; nothing where the file has totals only."""
    return [
        item
        for item in _per_video(found)
        if isinstance(item, dict) and isinstance(item.get("video_path"), str)
    ]


def _paths(content: dict[str, Any]) -> list[str]:
    return [str(item["video_path"]) for found in content.values() for item in _videos(found)]


def _row(path: Path, dimension: str, found: Any, ids: dict[str, str], clips: list[str]) -> GivenRow:
    first = found[0] if isinstance(found, list) else found
    total = _number(first)
    videos = _videos(found)
    if total is None and not videos:
        raise UserError(f"{path}: dimension {dimension!r} has no number, found {str(first)[:60]!r}.")
    scale = _scale(dimension, total, videos)
    values: dict[str, GivenValue] = {}
    for item in videos:
        value = _number(item.get("video_results"))
        clip = ids[str(item["video_path"])]
        given = (
            GivenValue(
                None, reason="not_finite", detail=f"the file says {str(item.get('video_results'))[:60]}"
            )
            if value is None
            else GivenValue(value * scale)
        )
        if values.setdefault(clip, given) != given:
            raise UserError(
                f"{path}: {dimension} has two values for {item['video_path']!r}. Which one counts is not known: "
                "measure it again, or take one of them out."
            )
    if videos:
        for clip in clips:
            values.setdefault(clip, GivenValue(None, reason=NOT_GIVEN))
    unread = len(_per_video(found)) - len(videos)
    note = f"{unread} entries of the file name no video and are left out" if unread else None
    return GivenRow(clips=values, total=total, note=note)


def _scale(dimension: str, total: float | None, videos: list[dict[str, Any]]) -> float:
    """0.01 where values per video are percent and the total is not."""
    numbers = [value for item in videos if (value := _number(item.get("video_results"))) is not None]
    if dimension not in _PERCENT or not numbers:
        return 1.0
    mean = sum(numbers) / len(numbers)
    # Where a file's total is percent as well, nothing tells them apart, and they stay as they are.
    return 0.01 if total is None or abs(mean / 100 - total) <= abs(mean - total) else 1.0


def _number(value: Any) -> float | None:
    """A finite number; a truth value counts as 0 or 1."""
    # Compared, not converted: a whole number of JSON can be larger than any float.
    if isinstance(value, (int, float)) and abs(value) < _LARGEST:
        return float(value)
    return None


def _output(dimension: str) -> Output:
    """A dimension as an output: ours of that name where there is one."""
    from liveact_eval.metrics.registry import shipped

    known = {output.name: output for metric in shipped().values() for output in metric.outputs}
    if dimension in known:
        return known[dimension]
    title = dimension.replace("_", " ").capitalize()
    return Output(name=dimension, title=title, direction="up", digits=4, best=1.0, range=(0.0, 1.0))
