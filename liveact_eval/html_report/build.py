"""Writing the page: one folder, made beside its place and put there whole."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import liveact_eval
from liveact_eval.clips.clip import printable
from liveact_eval.efficiency.run_page import remarks, rows
from liveact_eval.errors import UserError
from liveact_eval.files import full_disk, is_full
from liveact_eval.html_report.board import Board, make_boards
from liveact_eval.html_report.clips import ClipView, as_script, board_data, curve_data, make_clips
from liveact_eval.html_report.rendering import STATIC, render_page
from liveact_eval.html_report.source import Source, open_source
from liveact_eval.html_report.svg import cost_plots, curve_plots, interval_plots
from liveact_eval.reporting.notes import notes
from liveact_eval.reporting.numbers import conditions
from liveact_eval.results.schema import FailedClip, FlaggedClip

REPORT_VERSION = 1
MARKER = "report.json"
"""The file by which a folder is known to be a report, which a new one may take the place of."""
_ASSETS = ("style.css", "table.js", "together.js", "charts.js", "clips.js")


@dataclass(frozen=True, kw_only=True)
class CostTable:
    """What making the videos of one run cost, as text."""

    run: str
    models: tuple[str, ...]
    """Their titles."""
    rows: tuple[tuple[str, list[str]], ...]
    """Heading and a cell per model."""
    remarks: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Part:
    """One table and all that belongs to it, as the template takes it."""

    board: Board
    clips: tuple[ClipView, ...]
    prefix: str
    conditions: str
    notes: tuple[str, ...]
    intervals: list[Any]
    curves: list[Any]
    costs: list[Any]
    efficiency: tuple[CostTable, ...]
    failed: tuple[tuple[str, FailedClip], ...]
    """With the title of the model."""
    flagged: tuple[tuple[str, FlaggedClip], ...]
    provenance: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    """Per run its name, and fields with their values."""
    protocol: tuple[tuple[str, str], ...]
    clip_hashes: tuple[tuple[str, str], ...]


def write_report(runs: Sequence[Path], out: Path) -> Path:
    """Write the page of finished runs; returns the path of `index.html`.

    Args:
        runs: run folders; those under one protocol share a table.
        out: the report's folder; an earlier report there is replaced.

    Raises:
        UserError: a run is not finished, or `out` holds something that is no report.
        BrokenEnvironmentError: the disk is full.
    """
    if out.exists() and not (out / MARKER).is_file():
        raise UserError(
            f"--out {str(out)!r} exists and is no report of this program; expected a new folder or an earlier report. "
            "Give another path."
        )
    sources = [open_source(run) for run in runs]
    made = out.with_name(f".{out.name}.{os.getpid()}.part")
    shutil.rmtree(made, ignore_errors=True)
    try:
        made.mkdir(parents=True)
        _write(sources, made)
        _take_place(made, out)
    except OSError as error:
        if is_full(error):
            raise full_disk(out) from error
        raise
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return out / "index.html"


def _write(sources: Sequence[Source], folder: Path) -> None:
    parts = [_part(board, n, folder) for n, board in enumerate(make_boards(sources))]
    assets = folder / "assets"
    assets.mkdir()
    for name in _ASSETS:
        shutil.copyfile(STATIC / name, assets / name)
    data = [board_data(part.board, part.clips, part.prefix) for part in parts]
    _text(assets / "data.js", as_script("window.liveactReport", data))
    curves = folder / "curves"
    curves.mkdir()
    for part in parts:
        for n, clip in enumerate(part.clips):
            content = curve_data(part.board, clip.id)
            target = f'(window.liveactCurves=window.liveactCurves||{{}})["{part.prefix}{n}"]'
            _text(curves / f"{part.prefix}{n}.js", as_script(target, content))
    title = " · ".join(dict.fromkeys(source.results.name for source in sources))
    values = {"title": title, "parts": parts, "version": liveact_eval.__version__}
    _text(folder / "index.html", render_page("index.html.j2", values))
    _text(folder / "clips.html", render_page("clips.html.j2", values))
    marker = {
        "report_version": REPORT_VERSION,
        "liveact_eval": liveact_eval.__version__,
        "runs": [source.results.name for source in sources],
    }
    _text(folder / MARKER, json.dumps(marker, indent=1) + "\n")


def _part(board: Board, number: int, folder: Path) -> Part:
    prefix = f"b{number}-"
    titles = {
        (id(source), model): entrant.title for entrant in board.entrants for source, model in entrant.members
    }
    lines = [line for source in board.sources for line in notes(source.results)]
    return Part(
        board=board,
        clips=tuple(make_clips(board, folder, prefix)),
        prefix=prefix,
        conditions=conditions(board.first.results),
        notes=tuple(dict.fromkeys(lines)),
        intervals=interval_plots(board),
        curves=curve_plots(board),
        costs=cost_plots(board),
        efficiency=tuple(_cost_tables(board)),
        failed=tuple((titles[id(s), item.model], item) for s in board.sources for item in s.results.failed),
        flagged=tuple((titles[id(s), item.model], item) for s in board.sources for item in s.results.flagged),
        provenance=tuple((source.results.name, _provenance(source)) for source in board.sources),
        protocol=(("id", board.first.results.protocol), *_flat(board.first.described.get("protocol", {}))),
        clip_hashes=_hashes(board.first),
    )


def _cost_tables(board: Board) -> Iterator[CostTable]:
    for source in board.sources:
        if source.costs is not None:
            yield CostTable(
                run=source.results.name,
                models=tuple(cost.title for cost in source.costs.costs),
                rows=tuple(rows(source.costs)),
                remarks=tuple(remarks(source.costs)),
            )


def _provenance(source: Source) -> tuple[tuple[str, str], ...]:
    created = source.described.get("created")
    facts = [("created", str(created))] if created is not None else []
    facts += _flat(source.results.provenance)
    facts += [(f"config.{name}", value) for name, value in _flat(source.described.get("config", {}))]
    facts.append(("intervals", source.results.interval))
    return tuple(facts)


def _flat(content: object, path: str = "") -> list[tuple[str, str]]:
    """Nested fields as `a.b` and their values as text."""
    if isinstance(content, dict):
        return [
            line
            for name, value in content.items()
            for line in _flat(value, f"{path}.{name}" if path else str(name))
        ]
    if isinstance(content, list) and not any(isinstance(item, dict | list) for item in content):
        return [(path, " ".join(map(str, content)) or "–")]
    if isinstance(content, list):
        return [(path, json.dumps(content, ensure_ascii=False))]
    return [(path, "–" if content is None else str(content))]


def _hashes(source: Source) -> tuple[tuple[str, str], ...]:
    clips = source.described.get("clips")
    if not isinstance(clips, list):
        return ()
    return tuple(
        (str(clip.get("id", "")), str(clip.get("content_hash", "")))
        for clip in clips
        if isinstance(clip, dict)
    )


def _text(path: Path, text: str) -> None:
    path.write_text(printable(text), encoding="utf-8")


def _take_place(made: Path, out: Path) -> None:
    """Put a finished folder in its place; an earlier report goes away only then."""
    if not out.exists():
        made.rename(out)
        return
    old = out.with_name(f".{out.name}.{os.getpid()}.old.part")
    out.rename(old)
    made.rename(out)
    shutil.rmtree(old, ignore_errors=True)
