"""Reading a list of clips of the user's own: CSV or JSON lines, every complaint with its line number."""

from __future__ import annotations

import csv
import difflib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from liveact_eval.clips.clip import VIDEO_SUFFIXES, printable
from liveact_eval.datasets.spelling import as_on_disk, one_spelling
from liveact_eval.errors import UserError

LIST_SUFFIXES = (".csv", ".jsonl")
FIELDS = ("id", "image", "audio", "prompt", "video", "speaker")
FILES = ("image", "audio", "video")
_SHOWN = 10
_LONGEST_ID = 200


@dataclass(frozen=True, kw_only=True)
class ListedClip:
    """One row: files that are there, and text."""

    line: int
    """Where it begins in the file, from 1."""
    id: str
    image: Path | None
    audio: Path | None
    video: Path | None
    prompt: str
    speaker: str | None


def is_list_path(name: str) -> bool:
    """Whether a name on the command line means a list of clips."""
    return name.lower().endswith(LIST_SUFFIXES)


def read_clips(path: Path) -> list[ListedClip]:
    """The rows of a list. Paths in it are relative to the list's own folder.

    A row needs an image or a video to start from, and an audio or a video to be driven by.

    Raises:
        UserError: one line per complaint, with the number of the line in the file.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"No list of clips at {str(path)!r}: {error.strerror}. Check the path.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: byte {error.start} is no UTF-8. Save the file as UTF-8.") from error
    complaints: list[str] = []
    rows = _csv(path, text) if path.suffix.lower() == ".csv" else _json_lines(text, complaints)
    clips = [clip for line, row in rows if (clip := _clip(path.parent, line, row, complaints)) is not None]
    lines: dict[str, int] = {}
    for clip in clips:
        if clip.id in lines:
            complaints.append(
                f"line {clip.line}: the id {clip.id!r} is that of line {lines[clip.id]} too; expected each once. "
                "Give an `id` column"
            )
        lines.setdefault(clip.id, clip.line)
    for field in ("video", "image"):
        complaints += _all_or_none(clips, field)
    if complaints:
        shown = complaints[:_SHOWN]
        more = f"\n{path}: and {len(complaints) - _SHOWN} more" if len(complaints) > _SHOWN else ""
        raise UserError("\n".join(f"{path}: {complaint}." for complaint in shown) + more)
    if not clips:
        raise UserError(
            f"{path}: no clips. Expected one row per clip, with columns among {', '.join(FIELDS)}."
        )
    return clips


def _csv(path: Path, text: str) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    heading: list[str] | None = None
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise UserError(f"{path}: line {line}: not valid CSV: {error}. Check its quotes.") from error
        if cells is None:
            return
        if not any(cell.strip() for cell in cells):
            continue
        if heading is None:
            heading = [cell.strip().lower() for cell in cells]
            if problem := _heading(heading):
                raise UserError(f"{path}: line {line}: {problem}.")
            continue
        if len(cells) != len(heading):
            raise UserError(
                f"{path}: line {line}: {len(cells)} cells, the heading has {len(heading)}. Put cells with commas "
                "into quotes."
            )
        yield line, dict(zip(heading, cells, strict=True))


def _heading(names: list[str]) -> str | None:
    for name in names:
        if (problem := _unknown(name)) is not None:
            return problem
    twice = next((name for name in names if names.count(name) > 1), None)
    return None if twice is None else f"the column {twice!r} is there twice"


def _unknown(name: str) -> str | None:
    if name in FIELDS:
        return None
    separator = next((mark for mark in ";\t|" if mark in name), None)
    if separator is not None:
        return f"columns are separated by {separator!r}; expected commas"
    near = difflib.get_close_matches(name, FIELDS, n=1, cutoff=0.5)
    guess = f"did you mean {near[0]!r}?" if near else f"expected columns among {', '.join(FIELDS)}"
    return f"unknown column {name!r}; {guess}"


def _json_lines(text: str, complaints: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
    # Not splitlines: it would break at characters that JSON allows inside strings.
    for number, content in enumerate(text.split("\n"), 1):
        if not content.strip():
            continue
        try:
            row = json.loads(content)
        except (ValueError, RecursionError) as error:
            complaints.append(f"line {number}: not valid JSON: {error}")
            continue
        if not isinstance(row, dict):
            complaints.append(
                f"line {number}: {type(row).__name__}; expected an object such as {{'audio': ...}}"
            )
            continue
        problems = [problem for name in row if (problem := _unknown(name))]
        problems += [
            f"{name}: {value!r}; expected text"
            for name, value in row.items()
            if not isinstance(value, str | None)
        ]
        complaints += [f"line {number}: {problem}" for problem in problems]
        if not problems:
            yield number, {name: value for name, value in row.items() if value is not None}


def _clip(folder: Path, line: int, row: dict[str, str], complaints: list[str]) -> ListedClip | None:
    before = len(complaints)
    given = {name: row.get(name, "").strip() for name in FIELDS}
    paths = {name: as_on_disk(folder / given[name]) if given[name] else None for name in FILES}
    for name, path in paths.items():
        if path is not None and (problem := _file(path, name)) is not None:
            complaints.append(f"line {line}: {name}: {problem}")
    if not (given["image"] or given["video"]):
        complaints.append(f"line {line}: neither image nor video; one is needed to start from")
    if not (given["audio"] or given["video"]):
        complaints.append(f"line {line}: neither audio nor video; one is needed to be driven by")
    source = paths["video"] or paths["audio"] or paths["image"]
    name = one_spelling(printable(given["id"] or (source.stem if source is not None else "")))
    if len(name) > _LONGEST_ID or not name.isprintable():
        complaints.append(
            f"line {line}: id {name[:20]!r}...: expected at most {_LONGEST_ID} printable characters"
        )
    if len(complaints) > before:
        return None
    return ListedClip(
        line=line,
        id=name,
        image=paths["image"],
        audio=paths["audio"],
        video=paths["video"],
        prompt=given["prompt"],
        speaker=given["speaker"] or None,
    )


def _file(path: Path, field: str) -> str | None:
    try:
        is_file = path.is_file()
    except (OSError, ValueError):
        is_file = False
    if not is_file:
        return f"no file at {str(path)!r}; expected a path relative to the list"
    if field == "video" and path.suffix.lower() not in VIDEO_SUFFIXES:
        return f"{path.name!r} is no video; expected a name that ends in {', '.join(sorted(VIDEO_SUFFIXES))}"
    return None


def _all_or_none(clips: list[ListedClip], field: str) -> list[str]:
    """A table has a row of real clips, and a protocol one kind of reference image: for all clips or for none."""
    lacking = [clip.line for clip in clips if getattr(clip, field) is None]
    if not lacking or len(lacking) == len(clips):
        return []
    return [
        f"line {lacking[0]}: no {field}, while {len(clips) - len(lacking)} of {len(clips)} rows have one; expected all "
        "or none. Make two lists, or fill the column"
    ]
