"""What is evaluated: one clip, and names under which it may lie on a disk."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

VIDEO_SUFFIXES = frozenset({".mp4", ".mkv", ".webm", ".mov", ".avi", ".m4v", ".mpg", ".mpeg", ".ts"})


@dataclass(frozen=True, kw_only=True)
class ClipEntry:
    """A clip before it is made ready: cheap to list, and known by the hash of its content."""

    id: str
    """Name in all results; unique in the dataset."""
    speaker: str
    """Who speaks: clips of one speaker are one cluster in the statistics."""
    content_hash: str
    """SHA-256 (hex) of the file, or of the recipe that draws it."""
    identity: str | None = None
    """What the clip is, where everybody's file of it differs; `None`: it is its content."""
    absent: str | None = None
    """Why there is no file of it here; such a clip counts in n_total and in no comparison."""
    prompt: str = ""
    """What the text encoder is given, where the dataset says so before the clip is made ready; kept with the run."""

    @property
    def known_by(self) -> str:
        """What stands for the clip in the id of a protocol."""
        return self.identity or self.content_hash


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One clip, ready: everything that a generator is given, and the real video where there is one."""

    entry: ClipEntry
    """Id, speaker and hash."""
    video: Path | None
    """The real video, or `None` where only image and audio exist."""
    audio: Path | None
    """The driving audio; `None` means the audio track of `video`."""
    image: Path | None
    """The reference image; `None` means the first frame of `video`."""
    prompt: str
    """What the text encoder is given; may be empty."""
    truth: Path | None
    """Ground truth (mouth, pose, phonemes) where the clip was drawn, else `None`."""
    rate: Fraction | None
    """Frames per second at which the protocol measures; `None`: the video's own frames."""
    size: tuple[int, int] | None
    """Width and height in pixels that a generated video must have; `None`: any."""
    seconds: float | None
    """Length that is measured, in seconds; `None`: all of it."""
    paired: bool = True
    """Whether `video` shows what `audio` says; if not, nothing is compared frame by frame."""

    @property
    def id(self) -> str:
        """Name in all results."""
        return self.entry.id


def safe_name(name: str, *, limit: int = 80) -> str:
    """A file name for any clip id: letters, digits, `.`, `_`, `-`, no leading dash or dot, unique.

    A name that had to be changed ends in eight characters of its own hash, so that two ids never meet.
    """
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", name).lstrip("-.")[:limit]
    if plain == name and plain:
        return plain
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{plain or 'clip'}-{digest}"


def printable(name: str) -> str:
    """A name as text that every terminal and file can take: undecodable bytes become escapes."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
