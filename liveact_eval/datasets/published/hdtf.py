"""HDTF: the authors' fifteen lists (three subsets, five files each) as clips.

Written for MRzzm/HDTF at bbde889bbab954c9a9ebcabe9962885c29f2165e. File names are spelled as they are there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

from liveact_eval.datasets.published.lines import Line, read_lines, video_id, watch_url
from liveact_eval.datasets.published.source_clip import PixelBox, SourceClip
from liveact_eval.errors import UserError

SUBSETS = ("RD", "WDA", "WRA")
"""Radio addresses, and weekly addresses of two parties."""
_INTERVAL = re.compile(r"(\d{1,3}):([0-5]\d)-(\d{1,3}):([0-5]\d)")
_SAME_PERSON = {"WhipJimClyburn": "JamesClyburn"}
"""Names of one person: WhipJimClyburn and JamesClyburn1 are the same video."""
T = TypeVar("T")


@dataclass(frozen=True)
class Subset:
    """The five lists of a subset, by video or clip name without `.mp4`."""

    name: str
    videos: dict[str, str]
    """Video id."""
    intervals: dict[str, tuple[tuple[int, int], ...]]
    """Start and end in seconds, in the order of the line."""
    heights: dict[str, int]
    """Height in pixels at which crops were made; 0 is in the list once."""
    boxes: dict[str, PixelBox]
    """Crop of a clip."""
    ratios: dict[str, float]
    """Factor for a face box of one's own."""


def read_subset(folder: Path, name: str) -> Subset:
    """The lists of a subset.

    Raises:
        UserError: a list is missing, or a line cannot be read.
    """
    return Subset(
        name,
        videos=_read(folder / f"{name}_video_url.txt", _video),
        intervals=_read(folder / f"{name}_annotion_time.txt", _intervals),
        heights=_read(folder / f"{name}_resolution.txt", _height),
        boxes=_read(folder / f"{name}_crop_wh.txt", _box),
        ratios=_read(folder / f"{name}_crop_ratio.txt", _ratio),
    )


def read_hdtf(folder: Path, prompt: str = "") -> list[SourceClip]:
    """All clips, with and without a crop, by subset and in the order of the intervals' list.

    Args:
        folder: where the fifteen lists lie.
        prompt: what text encoders are given for every clip.
    """
    return [clip for name in SUBSETS for clip in _clips(read_subset(folder, name), prompt)]


def speaker_of(subset: str, video: str) -> str:
    """Who speaks: the video's name without its number. In RD the number is the name."""
    person = video if subset == "RD" else video.rstrip("0123456789")
    return _SAME_PERSON.get(person, person)


def _clips(subset: Subset, prompt: str) -> list[SourceClip]:
    _check_joined(subset)
    # One video under two names is one video: the name that is listed first is kept.
    names: dict[str, str] = {}
    for name, identity in subset.videos.items():
        names.setdefault(identity, name)
    found = []
    for video, intervals in subset.intervals.items():
        identity = subset.videos[video]
        for index, (start, end) in enumerate(intervals):
            clip = f"{video}_{index}"
            box, height = subset.boxes.get(clip), subset.heights.get(video) or None
            first = names[identity]
            found.append(
                SourceClip(
                    id=clip,
                    dataset="hdtf",
                    video_id=identity,
                    video_name=video,
                    url=watch_url(identity),
                    start_s=Fraction(start),
                    end_s=Fraction(end),
                    crop=box,
                    crop_ratio=subset.ratios.get(clip),
                    listed_height=height,
                    crop_rule="face" if box is None or height is None else "pixels",
                    subset=subset.name,
                    speaker=speaker_of(subset.name, video),
                    prompt=prompt,
                    duplicate_of=None if first == video else first,
                    notes=tuple(_notes(box, height)),
                )
            )
    return found


def _check_joined(subset: Subset) -> None:
    """A video without an address, as where a byte-order mark hides its name, would be lost without a word."""
    clips = {f"{video}_{index}" for video, found in subset.intervals.items() for index in range(len(found))}
    for what, names, known in (
        ("intervals", set(subset.intervals), set(subset.videos)),
        ("heights", set(subset.heights), set(subset.videos)),
        ("crops", set(subset.boxes), clips),
        ("crop ratios", set(subset.ratios), clips),
    ):
        if strange := sorted(names - known):
            wanted = "an address" if what in {"intervals", "heights"} else "an interval"
            raise UserError(
                f"HDTF {subset.name}: {what} of {len(strange)} names that have no {wanted.split()[1]}, "
                f"{strange[0]!r} for one; expected {wanted} for each. The lists do not belong together: fetch them "
                "again, or correct the copy given with --annotations."
            )


def _notes(box: PixelBox | None, height: int | None) -> list[str]:
    if box is None:
        return ["the list has no crop: found by a face detector"]
    if height is None:
        return ["the list has a crop but no height that it is for: found by a face detector"]
    if box.y + box.height > height:
        return [f"the listed crop reaches to line {box.y + box.height} of {height}: shifted inside the frame"]
    return []


def _read(path: Path, parse: Callable[[Line, list[str]], T]) -> dict[str, T]:
    """A list by its first word without `.mp4`; spaces at the end and several in a row mean nothing."""
    found: dict[str, T] = {}
    for line in read_lines(path):
        first, *rest = line.text.split()
        name = first.removesuffix(".mp4")
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
            raise line.error(f"{first!r} is no name", "letters, digits, - and _")
        if name in found:
            raise line.error(f"{name!r} is here for the second time", "each name once")
        found[name] = parse(line, rest)
    return found


def _video(line: Line, words: list[str]) -> str:
    if len(words) != 1:
        raise line.error(f"{len(words)} words after the name", "one address")
    return video_id(words[0], line)


def _intervals(line: Line, words: list[str]) -> tuple[tuple[int, int], ...]:
    found = []
    for word in words:
        match = _INTERVAL.fullmatch(word)
        if match is None:
            raise line.error(f"{word!r} is no interval", "MM:SS-MM:SS")
        minutes, seconds, end_minutes, end_seconds = map(int, match.groups())
        start, end = 60 * minutes + seconds, 60 * end_minutes + end_seconds
        if end <= start:
            raise line.error(f"the interval {word!r} ends before it begins", "MM:SS-MM:SS with a later end")
        found.append((start, end))
    if not found:
        raise line.error("no interval", "one or more of MM:SS-MM:SS")
    return tuple(found)


def _height(line: Line, words: list[str]) -> int:
    return _numbers(line, words, 1)[0]


def _box(line: Line, words: list[str]) -> PixelBox:
    # The authors call these min_width, width, min_height, height: offset and size, first across, then down.
    x, width, y, height = _numbers(line, words, 4)
    if not (width and height):
        raise line.error("a crop without size", "x, width, y, height in pixels")
    return PixelBox(x=x, y=y, width=width, height=height)


def _numbers(line: Line, words: list[str], count: int) -> list[int]:
    # More than six digits are no pixels, and may be more than a program can turn into a number.
    if len(words) != count or not all(re.fullmatch(r"[0-9]{1,6}", word) for word in words):
        raise line.error(f"{' '.join(words)!r} after the name", f"{count} whole numbers")
    return [int(word) for word in words]


def _ratio(line: Line, words: list[str]) -> float:
    if len(words) != 1 or not re.fullmatch(r"\d{1,3}(\.\d{1,6})?", words[0]) or not float(words[0]):
        raise line.error(f"{' '.join(words)!r} after the name", "one factor such as 1.2")
    return float(words[0])
