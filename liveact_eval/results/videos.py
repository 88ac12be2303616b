"""Where the videos of a run are: in the journal, whose real videos may lie elsewhere, or under their usual names."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from liveact_eval.clips.clip import VIDEO_SUFFIXES
from liveact_eval.errors import UserError
from liveact_eval.results.folder import Layout
from liveact_eval.results.schema import Results


class Pair(NamedTuple):
    """A video of a run."""

    model: str
    clip: str


@dataclass(frozen=True, kw_only=True)
class Videos:
    """What is there of a run's videos."""

    paths: dict[Pair, Path]
    """Those that are on the disk."""
    fps: dict[Pair, float]
    """Frame rates as they were measured."""


def find_videos(layout: Layout, results: Results) -> Videos:
    """The videos of a run; nothing is written, so that a run which is still going on is not disturbed.

    Raises:
        UserError: the journal is damaged.
    """
    found = _journalled(layout)
    for model in results.models:
        for clip in results.clips:
            pair = Pair(model.name, clip)
            if pair not in found.paths and (path := _beside(layout, pair)) is not None:
                found.paths[pair] = path
    return found


def _journalled(layout: Layout) -> Videos:
    found = Videos(paths={}, fps={})
    if not layout.journal.is_file():
        return found
    query = (
        "SELECT model, clip, stage, payload FROM units WHERE state = 'done' AND stage IN ('generate', 'survey') "
        "ORDER BY finished_at, rowid"
    )
    address = f"{layout.journal.resolve().as_uri()}?mode=ro"
    try:
        with contextlib.closing(sqlite3.connect(address, uri=True)) as db:
            rows = db.execute(query).fetchall()
    except sqlite3.DatabaseError as error:
        raise UserError(
            f"{layout.journal}: the run journal cannot be read ({error}). Move it away: without a journal the "
            "videos in the run folder are taken."
        ) from error
    for model, clip, stage, payload in rows:
        content = json.loads(payload)
        if stage == "survey":
            found.fps[Pair(model, clip)] = float(content["fps"])
            continue
        path = layout.root / content["video"]
        if path.is_file():
            found.paths[Pair(model, clip)] = path
    return found


def _beside(layout: Layout, pair: Pair) -> Path | None:
    """A video in the run folder under its usual name."""
    stem = layout.video(pair.model, pair.clip)
    candidates = (stem.with_name(stem.name + suffix) for suffix in sorted(VIDEO_SUFFIXES))
    return next((path for path in candidates if path.is_file()), None)
