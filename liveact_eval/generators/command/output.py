"""The video that a program has written: found by pattern, and only if it is one, and new."""

from __future__ import annotations

import glob
from collections.abc import Mapping
from pathlib import Path

from liveact_eval.cards.placeholders import Value, fill
from liveact_eval.clips.clip import VIDEO_SUFFIXES
from liveact_eval.errors import ClipError

Snapshot = dict[Path, tuple[int, int]]
"""Files that match, with size and time of change in nanoseconds."""
_NAMED = 6


def output_pattern(template: str, values: Mapping[str, Value]) -> str:
    """The pattern of a clip's video; what placeholders stand for is taken literally."""
    return fill(template, {name: glob.escape(_text(value)) for name, value in values.items()})


def snapshot(folder: Path, pattern: str) -> Snapshot:
    """All files that match now."""
    found: Snapshot = {}
    for path in sorted(folder.glob(pattern)):
        if path.is_file():
            stat = path.stat()
            found[path] = (stat.st_size, stat.st_mtime_ns)
    return found


def find_output(folder: Path, pattern: str, before: Snapshot) -> Path:
    """The one new or changed file that matches.

    Args:
        folder: where the program ran.
        pattern: of the clip's video, relative to the folder.
        before: what matched before it was started.

    Raises:
        ClipError: `no_output`: there is none, and the program said nothing about it; `several_outputs`.
    """
    found = [path for path, mark in snapshot(folder, pattern).items() if before.get(path) != mark]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(repr(str(path.relative_to(folder))) for path in found[:_NAMED])
        raise ClipError(
            "several_outputs",
            f"{len(found)} new files match {pattern!r}, expected one: {names}. Narrow `output` in the card",
        )
    others = _videos(folder)
    seen = f"new videos: {', '.join(others)}. Correct `output` in the card" if others else "no video at all"
    raise ClipError(
        "no_output", f"the program ended without a word, and no new file matches {pattern!r}; {seen}"
    )


def _videos(folder: Path) -> list[str]:
    """Some videos that lie below a folder; links are not followed."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES)
    return sorted(repr(str(path.relative_to(folder))) for path in found)[:_NAMED]


def _text(value: Value) -> str:
    return fill("{value}", {"value": value})
