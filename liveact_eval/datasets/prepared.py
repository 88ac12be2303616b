"""A published dataset that was fetched and cut on this machine: the clips of its split, those that lack by name."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from liveact_eval.cards.dataset import DatasetCard
from liveact_eval.cards.protocol import Protocol
from liveact_eval.clips.clip import Clip, ClipEntry
from liveact_eval.datasets.base import Fingerprint, OfCard
from liveact_eval.datasets.prepared_clips import PreparedClip, Rows, digest, is_usable, prepared_clips
from liveact_eval.datasets.preparing.manifest import read_manifest
from liveact_eval.datasets.published.catalogue import prepared_folder, split_of
from liveact_eval.datasets.published.commands import prepare_command
from liveact_eval.datasets.published.layout import PreparedFolder
from liveact_eval.datasets.published.splits import Split, with_reserve
from liveact_eval.errors import ClipError, UserError


@dataclass(frozen=True)
class PreparedDataset(OfCard):
    """The split in its order. Clips that lack stay in it, so that n_total is what was asked for."""

    protocol: Protocol
    split: Split
    clips: tuple[PreparedClip, ...]

    @property
    def real(self) -> bool:
        """Long audio has no real video."""
        return self.protocol.driving_audio != "concatenated"

    def entries(self, fingerprint: Fingerprint) -> list[ClipEntry]:
        """All clips; a file that is not as it was prepared makes its clip absent."""
        return [self._entry(clip, fingerprint) for clip in self.clips]

    def materialise(self, entry: ClipEntry) -> Clip:
        """Nothing to make; the files are there, or the clip says why not."""
        clip = next(clip for clip in self.clips if clip.id == entry.id)
        if clip.absent is not None:
            raise ClipError(*clip.absent)
        if entry.absent is not None:
            raise ClipError(entry.absent, self._changed(clip))
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
            paired=self.protocol.driving_audio == "self",
        )

    def estimate_bytes(self, clips: int, models: int) -> int:
        """About twice the size of the clips for each model."""
        chosen = [file for clip in self.clips[:clips] for file in clip.files if file.path == clip.video]
        return 2 * models * sum(file.facts.bytes for file in chosen)

    def _entry(self, clip: PreparedClip, fingerprint: Fingerprint) -> ClipEntry:
        absent = None if clip.absent is None else clip.absent[0]
        if absent is None and not all(file.is_right(fingerprint) for file in clip.files):
            absent = "changed"
        content = digest([clip.prompt, *(file.facts.sha256 for file in clip.files)])
        return ClipEntry(
            id=clip.id,
            speaker=clip.speaker,
            content_hash=content if absent is None else f"absent-{absent}",
            identity=clip.identity if absent is None else None,
            absent=absent,
            prompt=clip.prompt,
        )

    def _changed(self, clip: PreparedClip) -> str:
        return (
            f"a file of {clip.id!r} is not as it was prepared. See what is wrong with: liveact-eval datasets verify "
            f"{self.name}"
        )


def open_prepared(
    card: DatasetCard,
    protocol: Protocol,
    *,
    given: str,
    beside: Path,
    root: Path | None = None,
    use_reserve: bool = False,
) -> PreparedDataset:
    """The split of a card, as far as it was prepared on this machine.

    Args:
        card: a card of kind `prepared`.
        protocol: the card's, with what the run changes in it.
        given: name or path of the card as the user wrote it, for commands in messages.
        beside: folder of the card.
        root: folder of all prepared datasets; the default is `prepared_root()`.
        use_reserve: let ready clips of the reserve stand in; the split then has another name.

    Raises:
        UserError: nothing of it is prepared, or the protocol asks for what the clips are not.
    """
    folder = prepared_folder(card, root)
    spec = card.prepared
    if spec is None or not folder.has_manifest:
        raise UserError(unprepared(card, given, folder))
    _check_protocol(card.protocol, protocol, given)
    rows = read_manifest(folder.manifest, prepare_command(card, given, root))
    split = split_of(card, beside, folder.lists)
    usable = {clip for clip, row in rows.items() if is_usable(row, folder)}
    if use_reserve:
        split = with_reserve(split, sorted(usable))
    if not usable.intersection(split.clips):
        raise UserError(unprepared(card, given, folder, f" (its manifest says: {_counts(split, rows)})"))
    clips = prepared_clips(split.clips, rows, folder, protocol)
    return PreparedDataset(card, protocol.model_copy(update={"split": split.name}), split, clips)


def unprepared(card: DatasetCard, given: str, folder: PreparedFolder, counts: str = "") -> str:
    """What to do about a dataset that has to be fetched and cut first."""
    return (
        f"Dataset {card.name!r} ({card.title}) is not prepared: no clip of it is ready in "
        f"{str(folder.path)!r}{counts}. Prepare it with: {prepare_command(card, given)}"
    )


def _check_protocol(prepared: Protocol, wanted: Protocol, given: str) -> None:
    """Clips are cut once: what a run asks for beyond that would be met by none of them."""
    if wanted.size != prepared.size:
        raise UserError(
            f"protocol.size is {wanted.size}, the clips of {given!r} are cut to {prepared.size}. Leave it out, or "
            "prepare a card of your own with another size."
        )
    limit, seconds = prepared.clip_seconds, wanted.clip_seconds
    if limit is not None and seconds is not None and seconds > limit:
        raise UserError(
            f"protocol.clip_seconds is {seconds:g}, the clips of {given!r} last at most {limit:g} s. Give at most "
            "that, or prepare a card of your own with longer clips."
        )


def _counts(split: Split, rows: Rows) -> str:
    states = Counter(rows[clip].status if clip in rows else "todo" for clip in split.clips)
    return ", ".join(f"{count} {state}" for state, count in states.most_common())
