"""EMTD: the list of time-coded rows that came with EchoMimicV2, as clips.

Written for antgroup/echomimic_v2 at a312dec05ec7f9b3e0e2c2802e4a1a5d3788cfb3. Despite its name the file is CSV.
"""

from __future__ import annotations

import csv
import re
from fractions import Fraction
from pathlib import Path

from liveact_eval.datasets.published.lines import Line, read_lines, video_id, watch_url
from liveact_eval.datasets.published.source_clip import SourceClip

LIST = "echomimicv2_benchmark_url+start_timecode+end_timecode.txt"
"""Name of the file, spelled as it is."""
COLUMNS = ["URL", "Start Timecode", "End Timecode"]
TRIM_S = Fraction(3, 25)
"""What the authors' cutter takes off both ends of a row: three frames, here of 25 a second whatever the source has."""
_TIME = re.compile(r"(\d{2}):([0-5]\d):([0-5]\d)\.(\d{3})")


def read_emtd(folder: Path, prompt: str = "") -> list[SourceClip]:
    """All rows as clips, named as the authors' cutter names them: the row's number from 000, and the video's id.

    Args:
        folder: where the list lies.
        prompt: what text encoders are given for every clip.

    Raises:
        UserError: the list is missing, or a line cannot be read.
    """
    lines = list(read_lines(folder / LIST))
    if not lines or _cells(lines[0]) != COLUMNS:
        where = lines[0] if lines else Line(folder / LIST, 1, "")
        raise where.error(f"the heading {where.text!r}", ",".join(COLUMNS))
    return [_clip(line, row, prompt) for row, line in enumerate(lines[1:])]


def _clip(line: Line, row: int, prompt: str) -> SourceClip:
    cells = _cells(line)
    if len(cells) != len(COLUMNS):
        raise line.error(f"{len(cells)} cells", ", ".join(COLUMNS))
    # Some addresses have other parameters before or after that of the video.
    identity = video_id(cells[0], line)
    start, end = (_seconds(cell, line) for cell in cells[1:])
    if end <= start + 2 * TRIM_S:
        raise line.error(f"{cells[1]} to {cells[2]}", "an end later than the start by more than six frames")
    return SourceClip(
        id=f"{row:03d}_{identity}",
        dataset="emtd",
        video_id=identity,
        video_name=identity,
        url=watch_url(identity),
        start_s=start + TRIM_S,
        end_s=end - TRIM_S,
        crop_rule="upper_body",
        speaker=identity,
        prompt=prompt,
        notes=(f"listed {cells[1]} to {cells[2]}; three frames (0.12 s) are taken off both ends",),
    )


def _cells(line: Line) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line.text]))]
    except csv.Error as error:
        raise line.error(f"no CSV: {error}", ", ".join(COLUMNS)) from error


def _seconds(text: str, line: Line) -> Fraction:
    match = _TIME.fullmatch(text)
    if match is None:
        raise line.error(f"{text!r} is no time", "HH:MM:SS.mmm")
    hours, minutes, seconds, thousandths = map(int, match.groups())
    return Fraction((3600 * hours + 60 * minutes + seconds) * 1000 + thousandths, 1000)
