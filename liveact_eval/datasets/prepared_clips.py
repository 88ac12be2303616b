"""What a manifest says of the clips of a split, as far as a run needs it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from liveact_eval.cards.protocol import Protocol
from liveact_eval.datasets.base import Fingerprint, hash_or_error
from liveact_eval.datasets.preparing.outlook import files_of
from liveact_eval.datasets.preparing.rows import ClipFiles, ClipRow, FileFacts
from liveact_eval.datasets.published.layout import PreparedFolder
from liveact_eval.errors import ClipError

Rows = Mapping[str, ClipRow]
"""Rows of a manifest by clip id."""


@dataclass(frozen=True, kw_only=True)
class PreparedFile:
    """A file of a clip and what it was when it was prepared."""

    path: Path
    facts: FileFacts

    def looks_right(self) -> bool:
        """Whether it is there and as large as it was."""
        try:
            return self.path.stat().st_size == self.facts.bytes
        except OSError:
            return False

    def is_right(self, fingerprint: Fingerprint) -> bool:
        """Whether it holds what it held; read only where its date is another."""
        if not self.looks_right():
            return False
        return self.path.stat().st_mtime_ns == self.facts.mtime_ns or (
            hash_or_error(self.path, fingerprint) == self.facts.sha256
        )


@dataclass(frozen=True, kw_only=True)
class PreparedClip:
    """One place of the split."""

    id: str
    speaker: str
    prompt: str = ""
    identity: str = ""
    """What it is: video, interval, crop, recipe, and the same of the clip whose audio drives it."""
    files: tuple[PreparedFile, ...] = ()
    """All that a run reads of it."""
    video: Path | None = None
    """The real video."""
    audio: Path | None = None
    image: Path | None = None
    absent: tuple[str, str] | None = None
    """Reason code and message where it cannot be used; then it has no files."""

    @property
    def is_here(self) -> bool:
        """Whether it can be used, at a glance: its files are there and as large as they were."""
        return self.absent is None and all(file.looks_right() for file in self.files)


def prepared_clips(
    split: Sequence[str], rows: Rows, folder: PreparedFolder, protocol: Protocol
) -> tuple[PreparedClip, ...]:
    """The clips of a split in its order, each ready or with the reason why it cannot be used.

    Args:
        split: their ids.
        rows: the manifest.
        folder: where the files lie.
        protocol: says whose audio drives a clip, and whether there are real videos.
    """
    # The next clip's audio; after the last comes the first.
    step = 1 if protocol.driving_audio == "permuted" else 0
    return tuple(
        _prepared_clip(clip, split[(place + step) % len(split)], rows, folder, protocol)
        for place, clip in enumerate(split)
    )


def _prepared_clip(
    clip: str, driving: str, rows: Rows, folder: PreparedFolder, protocol: Protocol
) -> PreparedClip:
    try:
        row, files = _ready(rows, clip)
        other, others = (row, files) if driving == clip else _driver(rows, driving)
        wanted = [(folder.audio(driving), others.audio), (folder.image(clip), files.image)]
        video = None
        if protocol.driving_audio != "concatenated":
            if files.clip is None:
                raise ClipError("no_video", f"{clip!r} was prepared as sound alone")
            video = folder.clip(clip)
            wanted.append((video, files.clip))
    except ClipError as lacking:
        found = rows.get(clip)
        return PreparedClip(
            id=clip,
            speaker=(found.speaker if found is not None else "") or clip,
            absent=(lacking.reason, lacking.message),
        )
    return PreparedClip(
        id=clip,
        speaker=row.speaker or clip,
        prompt=row.prompt,
        identity=digest([row.identity, other.identity, row.prompt]),
        files=tuple(PreparedFile(path=path, facts=facts) for path, facts in wanted),
        video=video,
        audio=folder.audio(driving),
        image=folder.image(clip),
    )


def _ready(rows: Rows, clip: str) -> tuple[ClipRow, ClipFiles]:
    """The row and files of a clip.

    Raises:
        ClipError: it is not ready; with the reason that its manifest states.
    """
    row = rows.get(clip)
    if row is None:
        raise ClipError("not_prepared", f"{clip!r} is not in the manifest yet")
    if row.status != "ready" or row.files is None:
        said = row.message or row.reason or "not prepared yet"
        raise ClipError(row.reason or row.status, f"{row.status}: {said}")
    return row, row.files


def _driver(rows: Rows, clip: str) -> tuple[ClipRow, ClipFiles]:
    try:
        return _ready(rows, clip)
    except ClipError as error:
        raise ClipError(
            "no_driving_audio", f"its audio is that of {clip!r}, which is not here: {error.message}"
        ) from error


def is_usable(row: ClipRow, folder: PreparedFolder) -> bool:
    """Whether a clip is ready and all its files are still there, at a glance."""
    files = [PreparedFile(path=path, facts=facts) for path, facts in files_of(row, folder)]
    return row.status == "ready" and bool(files) and all(file.looks_right() for file in files)


def digest(content: list[str]) -> str:
    """SHA-256 (hex) of a list of texts."""
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
