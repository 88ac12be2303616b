"""Any videos in a folder as a dataset."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from liveact_eval.cards.dataset import DatasetCard, FolderSpec
from liveact_eval.cards.protocol import Protocol
from liveact_eval.clips.clip import VIDEO_SUFFIXES, Clip, ClipEntry, printable
from liveact_eval.datasets.base import Fingerprint, hash_or_error
from liveact_eval.datasets.spelling import as_on_disk, one_spelling
from liveact_eval.errors import UserError

_JOURNAL = "journal.sqlite"
"""What a run folder is known by."""
SOUND_SUFFIXES = (".wav", ".flac", ".mp3", ".m4a", ".ogg", ".opus", ".aac")


@dataclass(frozen=True)
class FolderDataset:
    """Videos by path; `real` says whether they are the real clips or only what is to be scored."""

    name: str
    title: str
    tier: Literal["mini", "paper"]
    protocol: Protocol
    videos: tuple[tuple[str, Path], ...]
    """(clip id, video) in order of the id."""
    speakers: tuple[str, ...]
    """Speaker of each video."""
    real: bool = True
    sounds: tuple[Path, ...] | None = None
    """Driving audio of each video, where it lies in files of its own."""

    def entries(self, fingerprint: Fingerprint) -> list[ClipEntry]:
        """One clip per video, by the hash of the file."""
        hashes = [hash_or_error(path, fingerprint) for _, path in self.videos]
        if self.sounds is not None:
            # Another driving sound makes another clip.
            both = zip(hashes, self.sounds, strict=True)
            hashes = [f"{video}+{hash_or_error(sound, fingerprint)}" for video, sound in both]
        return [
            ClipEntry(id=clip, speaker=speaker, content_hash=content)
            for (clip, _), speaker, content in zip(self.videos, self.speakers, hashes, strict=True)
        ]

    def materialise(self, entry: ClipEntry) -> Clip:
        """Nothing to make; the files are there."""
        index = [clip for clip, _ in self.videos].index(entry.id)
        return Clip(
            entry=entry,
            video=self.videos[index][1] if self.real else None,
            audio=self.sounds[index] if self.sounds is not None else None,
            image=None,
            prompt="",
            truth=None,
            rate=self.protocol.rate,
            size=self.protocol.size,
            seconds=self.protocol.clip_seconds,
        )

    def estimate_bytes(self, clips: int, models: int) -> int:
        """About twice the size of the given videos for each model: near-lossless copies are larger."""
        sizes = [path.stat().st_size for _, path in self.videos[:clips] if path.is_file()]
        return 2 * models * sum(sizes)


def open_folder(card: DatasetCard, spec: FolderSpec, protocol: Protocol, root: Path) -> FolderDataset:
    """The videos below `root` as a dataset.

    Raises:
        UserError: no such folder, no videos in it, or a speaker pattern that does not fit.
    """
    if protocol.reference_image == "image":
        raise UserError(
            f"Dataset {card.name!r}: a folder of videos has no reference images. "
            "Set protocol.reference_image to first_frame."
        )
    videos = tuple(find_videos(root, spec.pattern).items())
    speakers = tuple(speaker_of(clip, spec.speaker_pattern) for clip, _ in videos)
    title = card.title if spec.path is not None else printable(root.resolve().name)
    return FolderDataset(card.name, title, card.tier, protocol, videos, speakers)


def find_videos(root: Path, pattern: str = "**/*") -> dict[str, Path]:
    """Videos below a folder (or one video), by clip id, in order of the id.

    The id is the path below the folder without its suffix, accents spelled in one way; two files that differ in no
    more than that keep both.
    """
    if root.is_file():
        return {one_spelling(printable(root.stem)): root}
    if not root.is_dir():
        raise UserError(f"No folder of videos at {str(root)!r}. Check the path.")
    # What a run made beside its clips is no clip.
    made = {journal.parent for journal in root.rglob(_JOURNAL)}
    try:
        matches = sorted(root.glob(pattern))
    except ValueError as error:
        raise UserError(f"pattern {pattern!r}: {error}. Expected a glob such as **/*.mp4.") from error
    files = [
        path
        for path in matches
        if path.suffix.lower() in VIDEO_SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(root).parts)
        and made.isdisjoint(path.parents)
    ]
    if not files:
        found = sum(1 for _ in root.iterdir())
        raise UserError(
            f"No video in {str(root)!r} ({found} entries seen). Expected files that end in "
            f"{', '.join(sorted(VIDEO_SUFFIXES))}."
        )
    plain = [one_spelling(path.relative_to(root).with_suffix("").as_posix()) for path in files]
    twice = {name for name, count in Counter(plain).items() if count > 1}
    named = {
        printable(path.relative_to(root).as_posix() if name in twice else name): path
        for name, path in zip(plain, files, strict=True)
    }
    return dict(sorted(named.items()))


def find_sounds(root: Path, clips: tuple[str, ...]) -> tuple[Path, ...]:
    """The driving audio of each clip, by name.

    Raises:
        UserError: no such folder, or some clip has no sound in it (they are named).
    """
    if not root.is_dir():
        raise UserError(f"No folder of sounds at {str(root)!r}. Check the path given with --audio.")
    found: list[Path] = []
    lacking: list[str] = []
    for clip in clips:
        candidates = [as_on_disk(root / f"{clip}{suffix}") for suffix in SOUND_SUFFIXES]
        path = next((candidate for candidate in candidates if candidate.is_file()), None)
        if path is None:
            lacking.append(clip)
        else:
            found.append(path)
    if lacking:
        names = ", ".join(repr(name) for name in lacking[:5]) + (" ..." if len(lacking) > 5 else "")
        raise UserError(
            f"{len(lacking)} of {len(clips)} videos have no sound in {str(root)!r}: {names}. "
            f"Expected files of the same name that end in {', '.join(SOUND_SUFFIXES)}."
        )
    return tuple(found)


def speaker_of(clip: str, pattern: str | None) -> str:
    """Who speaks in a clip: the group of the pattern; where there is none, everybody is somebody else.

    Raises:
        UserError: the pattern does not fit the id.
    """
    if pattern is None:
        return clip
    match = re.search(pattern, clip)
    if match is None or not match.groups():
        raise UserError(
            f"speaker_pattern {pattern!r} finds no speaker in the clip id {clip!r}. "
            "Expected a regular expression with one group that fits every id."
        )
    return match.group(1)
