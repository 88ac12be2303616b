"""Clip lists that are committed beside their cards, and lists that are drawn where none is committed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from liveact_eval.cards.dataset import DatasetCard
from liveact_eval.cards.published import PreparedSpec, substituted
from liveact_eval.datasets.published.long_audio import long_audios
from liveact_eval.datasets.published.order import draw
from liveact_eval.datasets.published.source_clip import SourceClip
from liveact_eval.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Split:
    """An ordered list of clips under a name, and the clips that may stand in."""

    name: str
    """`hdtf-50@1`, or `hdtf-50@1+r3` with three clips of the reserve in it."""
    clips: tuple[str, ...]
    """Ids, in order."""
    reserve: tuple[str, ...] = ()
    """Ids of those that may replace a clip, in the order in which they are taken."""
    replaced: tuple[str, ...] = ()
    """Ids of the clips that others of the reserve stand in for."""


def split_text(ids: Sequence[str]) -> str:
    """The content of a list's file: one id a line, LF, nothing else, so that it is the same bytes everywhere."""
    return "".join(f"{clip}\n" for clip in ids)


def read_split(card: DatasetCard, beside: Path) -> Split:
    """The committed list of a card.

    Args:
        card: a card of kind `prepared`.
        beside: folder of the card.

    Raises:
        UserError: no list is committed, or it is another one than the card pins.
    """
    spec = _spec(card)
    if spec.split_sha256 is None:
        raise UserError(
            f"Dataset {card.name!r} has no committed clip list: it is drawn from the authors' lists, which are not "
            f"here yet. Run: liveact-eval datasets prepare {card.name}"
        )
    clips = _read(beside / f"{spec.split}.txt", spec.split_sha256, spec.rule.clips)
    reserve = (
        () if spec.reserve_sha256 is None else _read(beside / f"{spec.reserve}.txt", spec.reserve_sha256)
    )
    return Split(name=spec.split, clips=clips, reserve=reserve)


def drawn_split(card: DatasetCard, clips: Sequence[SourceClip]) -> Split:
    """The list of a card by its rule, from all clips of the authors' lists.

    Raises:
        UserError: the rule takes fewer clips than the split should have.
    """
    spec = _spec(card)
    ids = (
        draw(clips, spec.rule)
        if spec.concatenate is None
        else list(long_audios(clips, spec.rule, spec.concatenate))
    )
    wanted = spec.rule.clips
    if len(ids) < wanted:
        raise UserError(
            f"Dataset {card.name!r}: the rule of {spec.split!r} takes {len(ids)} of {len(clips)} clips, expected at "
            f"least {wanted}. The lists are not the published ones, or the card asks for too many."
        )
    return Split(name=spec.split, clips=tuple(ids[:wanted]), reserve=tuple(ids[wanted:]))


def with_reserve(split: Split, ready: Sequence[str]) -> Split:
    """Another split: what is not ready is replaced, place by place, by the first clips of the reserve that are.

    What still lacks keeps its place. The name says how many were replaced.
    """
    at_hand = set(ready)
    spare = [clip for clip in split.reserve if clip in at_hand]
    places = {clip: spare.pop(0) for clip in split.clips if clip not in at_hand and spare}
    clips = tuple(places.get(clip, clip) for clip in split.clips)
    return Split(
        name=substituted(split.name, len(places)),
        clips=clips,
        reserve=tuple(clip for clip in split.reserve if clip not in clips),
        replaced=tuple(places),
    )


def _read(path: Path, sha256: str, count: int | None = None) -> tuple[str, ...]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"The clip list {str(path)!r} cannot be read: {error.strerror}. It belongs beside its card: reinstall "
            "with: pip install --force-reinstall liveact-eval"
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise UserError(
            f"The clip list {str(path)!r} was changed: SHA-256 {found}, expected {sha256}. A changed list is another "
            "split: give it another name and version in a card of your own, or restore the file."
        )
    try:
        text = content.decode("ascii")
    except UnicodeDecodeError as error:
        raise UserError(
            f"The clip list {str(path)!r}: byte {error.start} is no ASCII. Expected ids."
        ) from error
    ids = tuple(text.splitlines())
    if split_text(ids) != text or len(set(ids)) != len(ids) or not all(ids):
        raise UserError(f"The clip list {str(path)!r} is damaged: expected one id a line, each once.")
    if count is not None and len(ids) != count:
        raise UserError(
            f"The clip list {str(path)!r} has {len(ids)} ids, its card says {count}. Correct the card."
        )
    return ids


def _spec(card: DatasetCard) -> PreparedSpec:
    if card.prepared is None:
        raise ValueError(f"{card.name} is no published dataset")
    return card.prepared
