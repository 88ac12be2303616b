"""Clips named by a list of the user's own (CSV or JSON lines): image, audio, prompt, video."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from liveact_eval.cards.dataset import DatasetCard, FolderSpec
from liveact_eval.cards.protocol import Protocol
from liveact_eval.clips.clip import Clip, ClipEntry, printable
from liveact_eval.datasets.base import Fingerprint, hash_or_error
from liveact_eval.datasets.folder import speaker_of
from liveact_eval.datasets.rows import ListedClip, read_clips
from liveact_eval.errors import UserError

_BYTES_WITHOUT_VIDEO = 10 << 20
"""What a made video is taken to need where nothing shows its size and length: about 12 s of 512x512."""


@dataclass(frozen=True)
class ListedDataset:
    """Clips in the order of their list."""

    name: str
    title: str
    tier: Literal["mini", "paper"]
    protocol: Protocol
    clips: tuple[ListedClip, ...]
    speakers: tuple[str, ...]
    """Speaker of each clip."""

    @property
    def real(self) -> bool:
        """Whether the list has videos: it has them for all clips or for none."""
        return self.clips[0].video is not None

    def entries(self, fingerprint: Fingerprint) -> list[ClipEntry]:
        """One clip per row, by the hashes of its files and its prompt."""
        return [
            ClipEntry(
                id=clip.id,
                speaker=speaker,
                content_hash=_content(clip, fingerprint),
                prompt=clip.prompt,
            )
            for clip, speaker in zip(self.clips, self.speakers, strict=True)
        ]

    def materialise(self, entry: ClipEntry) -> Clip:
        """Nothing to make; the files are there."""
        clip = next(clip for clip in self.clips if clip.id == entry.id)
        return Clip(
            entry=entry,
            video=clip.video,
            audio=clip.audio,
            image=clip.image if self.protocol.reference_image == "image" else None,
            prompt=clip.prompt,
            truth=None,
            rate=self.protocol.rate,
            size=self.protocol.size,
            seconds=self.protocol.clip_seconds,
        )

    def estimate_bytes(self, clips: int, models: int) -> int:
        """About twice the size of the given videos for each model, or a guess where there are none."""
        sizes = [
            2 * clip.video.stat().st_size
            if clip.video is not None and clip.video.is_file()
            else _BYTES_WITHOUT_VIDEO
            for clip in self.clips[:clips]
        ]
        return models * sum(sizes)


def open_listed(
    card: DatasetCard, spec: FolderSpec, protocol: Protocol, path: Path, *, own: bool
) -> ListedDataset:
    """The clips of a list under a card's protocol.

    Args:
        card: a card of kind `folder`.
        spec: its section.
        protocol: its protocol, with what the run changes in it.
        path: the list.
        own: whether the list was given instead of a card: then it says itself whether it has reference images.

    Raises:
        UserError: the list cannot be used, or does not have what the protocol asks for.
    """
    clips = tuple(read_clips(path))
    # Each column is filled for all clips or for none.
    first = clips[0]
    if own and first.image is not None:
        protocol = protocol.model_copy(update={"reference_image": "image"})
    if protocol.reference_image == "image" and first.image is None:
        raise UserError(
            f"{path}: no images, while the protocol of {card.name!r} takes the reference from them. Give an `image` "
            "column, or set protocol.reference_image to first_frame."
        )
    if protocol.reference_image == "first_frame" and first.video is None:
        raise UserError(
            f"{path}: no videos, while the protocol of {card.name!r} takes the reference from their first frames. Give "
            "a `video` column, or set protocol.reference_image to image."
        )
    speakers = tuple(clip.speaker or speaker_of(clip.id, spec.speaker_pattern) for clip in clips)
    title = printable(path.stem) if own else card.title
    return ListedDataset(card.name, title, card.tier, protocol, clips, speakers)


def _content(clip: ListedClip, fingerprint: Fingerprint) -> str:
    hashes = [
        None if path is None else hash_or_error(path, fingerprint)
        for path in (clip.video, clip.audio, clip.image)
    ]
    return hashlib.sha256(json.dumps([*hashes, clip.prompt]).encode()).hexdigest()
