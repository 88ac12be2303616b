"""The clips of a table as data for the page's scripts, and for the page that needs none."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liveact_eval.html_report.board import Board, Entrant
from liveact_eval.html_report.media import place_video
from liveact_eval.html_report.source import Curve, Source
from liveact_eval.reporting.numbers import number
from liveact_eval.results.schema import ClipValue
from liveact_eval.results.thumbnails import write_thumbnail

_DIGITS = 6
"""Significant digits of values in the page; curves have fewer."""
_CURVE_DIGITS = 4


@dataclass(frozen=True, kw_only=True)
class Film:
    """One video in the report's folder."""

    src: str
    """Path from the page."""
    thumbnail: str | None
    fps: float | None


@dataclass(frozen=True, kw_only=True)
class ClipCell:
    """What one metric says about one video."""

    value: float | None
    text: str
    why: str | None
    """Why there is no number."""


@dataclass(frozen=True, kw_only=True)
class ClipView:
    """One clip with all models."""

    id: str
    speaker: str
    prompt: str
    films: tuple[Film | None, ...]
    """By model; `None` where there is no video."""
    cells: tuple[tuple[ClipCell, ...], ...]
    """By metric of the table and model."""
    troubles: tuple[str, ...]
    """What failed or was flagged, for people."""
    codes: tuple[str, ...]
    """The same as short codes, for the filter."""


def make_clips(board: Board, folder: Path, prefix: str) -> list[ClipView]:
    """All clips of a table; their videos and thumbnails are put below `folder`.

    Args:
        board: the table.
        folder: the report's folder.
        prefix: start of all names in it that belong to this table.
    """
    values = {
        (id(source), item.model, item.clip, item.metric): item
        for source in board.sources
        for item in source.results.clip_values
    }
    speakers = {item.clip: item.speaker for source in board.sources for item in source.results.clip_values}
    prompts = _prompts(board.first)
    troubles = _troubles(board)
    return [
        ClipView(
            id=clip,
            speaker=speakers.get(clip, ""),
            prompt=prompts.get(clip, ""),
            films=tuple(
                _film(entrant, clip, folder, f"{prefix}m{place}")
                for place, entrant in enumerate(board.entrants)
            ),
            cells=tuple(
                tuple(
                    _cell(entrant, clip, row.record.name, row.record.recipe, row.record.digits, values)
                    for entrant in board.entrants
                )
                for row in board.rows
            ),
            troubles=tuple(text for _, text in troubles.get(clip, [])),
            codes=tuple(dict.fromkeys(code for code, _ in troubles.get(clip, []))),
        )
        for clip in board.first.results.clips
    ]


def board_data(board: Board, clips: Sequence[ClipView], prefix: str) -> dict[str, Any]:
    """What the page's scripts know of a table. Curves are files of their own, read when a clip is opened."""
    return {
        "prefix": prefix,
        "entrants": [{"title": e.title, "colour": e.colour, "real": e.is_real} for e in board.entrants],
        "metrics": [
            {"title": row.heading, "direction": row.record.direction, "digits": row.record.digits}
            for row in board.rows
        ],
        "curveTitles": {row.record.name: row.heading for row in board.rows},
        "clips": [
            {
                "id": clip.id,
                "speaker": clip.speaker,
                "prompt": clip.prompt,
                "films": [
                    None if film is None else {"src": film.src, "thumbnail": film.thumbnail, "fps": film.fps}
                    for film in clip.films
                ],
                "values": [[_rounded(cell.value, _DIGITS) for cell in cells] for cells in clip.cells],
                "why": {
                    f"{m},{e}": cell.why
                    for m, cells in enumerate(clip.cells)
                    for e, cell in enumerate(cells)
                    if cell.why is not None
                },
                "troubles": list(clip.troubles),
                "codes": list(clip.codes),
            }
            for clip in clips
        ],
    }


def curve_data(board: Board, clip: str) -> dict[str, list[Any]]:
    """All curves of a clip: by name, for each model `[points per second, values]` or `null`."""
    names = dict.fromkeys(name for source in board.sources for name in source.curves)
    found: dict[str, list[Any]] = {}
    for name in names:
        curves = [_curve(entrant, clip, name) for entrant in board.entrants]
        if any(curve is not None for curve in curves):
            found[name] = [
                None if curve is None else [curve.fps, [_rounded(p, _CURVE_DIGITS) for p in curve.points]]
                for curve in curves
            ]
    return found


def as_script(target: str, content: object) -> str:
    """A script that keeps content under a name; a page on a disk may load scripts, but no data.

    Nothing in the content can end a script or start a tag.
    """
    text = json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return f"{target}={text};\n"


def _film(entrant: Entrant, clip: str, folder: Path, name: str) -> Film | None:
    for source, pair in entrant.pairs(clip):
        video = source.videos.get(pair)
        if video is None:
            continue
        file = place_video(video, folder / "videos" / name, clip)
        thumbnail = f"thumbnails/{name}/{file}.jpg"
        seen = write_thumbnail(video, folder / thumbnail)
        return Film(
            src=f"videos/{name}/{file}", thumbnail=thumbnail if seen else None, fps=source.fps.get(pair)
        )
    return None


def _cell(
    entrant: Entrant,
    clip: str,
    metric: str,
    recipe: str,
    digits: int,
    values: Mapping[tuple[int, str, str, str], ClipValue],
) -> ClipCell:
    for source, model in entrant.members:
        if not any(m.name == metric and m.recipe == recipe for m in source.results.metrics):
            continue
        item = values.get((id(source), model, clip, metric))
        if item is None:
            continue
        why = None if item.value is not None else item.detail or item.reason
        return ClipCell(value=item.value, text=number(item.value, digits), why=why)
    return ClipCell(value=None, text="–", why="this run was made without it")


def _curve(entrant: Entrant, clip: str, name: str) -> Curve | None:
    for source, pair in entrant.pairs(clip):
        curve = source.curves.get(name, {}).get(pair)
        if curve is not None:
            return curve
    return None


def _prompts(source: Source) -> dict[str, str]:
    """Prompts by clip, where the run says them."""
    clips = source.described.get("clips")
    if not isinstance(clips, list):
        return {}
    return {
        str(clip["id"]): clip["prompt"]
        for clip in clips
        if isinstance(clip, dict) and "id" in clip and isinstance(clip.get("prompt"), str)
    }


def _troubles(board: Board) -> dict[str, list[tuple[str, str]]]:
    """(code, sentence) of all that failed or was flagged, by clip."""
    found: dict[str, list[tuple[str, str]]] = {}
    for entrant in board.entrants:
        for source, model in entrant.members:
            for failed in source.results.failed:
                if failed.model == model:
                    text = f"{entrant.title}: {failed.stage} failed ({failed.reason}): {failed.message}"
                    found.setdefault(failed.clip, []).append((failed.reason, text))
            for flag in source.results.flagged:
                if flag.model == model:
                    kind = "rejected" if flag.rejected else "flagged"
                    text = f"{entrant.title}: {kind} ({flag.code}): {flag.message}"
                    found.setdefault(flag.clip, []).append((flag.code, text))
    return found


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else float(f"{value:.{digits}g}")
