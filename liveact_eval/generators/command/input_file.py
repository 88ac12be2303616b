"""Files that are written for a program, from the templates of its card."""

from __future__ import annotations

import csv
import io
import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml
from pydantic import JsonValue

from liveact_eval.cards.command_rules import InputFile
from liveact_eval.cards.placeholders import Value, fill, fill_typed
from liveact_eval.errors import ClipError
from liveact_eval.files import write_text

Values = Mapping[str, Value]


def write_inputs(
    files: Sequence[InputFile], folder: Path, *, shared: Values, clips: Sequence[Values]
) -> dict[str, str]:
    """Write all files of a process; returns their paths by placeholder.

    Args:
        files: the templates, in the order in which one may name another.
        folder: where they are put.
        shared: placeholders of the process.
        clips: placeholders of each clip, in their order.

    Raises:
        ClipError: `bad_prompt`: a part holds the separator of a file of lines.
    """
    paths: dict[str, str] = {}
    for file in files:
        path = folder / file.name
        write_text(path, render(file, shared=dict(shared) | paths, clips=clips))
        paths[file.placeholder] = str(path)
    return paths


def render(file: InputFile, *, shared: Values, clips: Sequence[Values]) -> str:
    """The text of a file; see `write_inputs`."""
    rows = [dict(shared) | dict(clip) for clip in clips]
    if file.format in {"json", "yaml"}:
        value = fill_value(file.content, rows[0] if len(rows) == 1 else dict(shared))
        text = (
            _json(value)
            if file.format == "json"
            else yaml.safe_dump(value, allow_unicode=True, sort_keys=False)
        )
    elif file.format == "json_list":
        text = _json([fill_value(file.content, row) for row in rows])
    elif file.format == "csv":
        text = _csv(file, rows)
    else:
        text = "".join(_line(file, row) + "\n" for row in rows)
    return ("\ufeff" if file.byte_order_mark else "") + text


def fill_value(template: JsonValue, values: Values) -> JsonValue:
    """A template of JSON values with its placeholders filled, in keys too."""
    if isinstance(template, str):
        return fill_typed(template, values)
    if isinstance(template, dict):
        return {fill(key, values): fill_value(value, values) for key, value in template.items()}
    if isinstance(template, list):
        return [fill_value(value, values) for value in template]
    return template


def _json(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def _csv(file: InputFile, rows: Sequence[Values]) -> str:
    columns = file.content if isinstance(file.content, dict) else {}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([fill(str(template), row) for template in columns.values()])
    return out.getvalue()


def _line(file: InputFile, row: Values) -> str:
    templates = file.content if isinstance(file.content, list) else []
    parts = [fill(str(template), row) for template in templates]
    if file.quoting == "shell":
        return file.separator.join(map(shlex.quote, parts))
    for part in parts:
        if len(parts) > 1 and file.separator in part:
            raise ClipError(
                "bad_prompt",
                f"{part!r} holds {file.separator!r}, which separates the parts of a line of {file.name!r}. Change the "
                "text, or add it to `prompt.forbidden` of the card",
            )
    return file.separator.join(parts)
