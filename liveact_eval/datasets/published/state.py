"""How much of a dataset is here, for lists: nothing is opened that a list does not need, and nothing raised."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from liveact_eval.cards.dataset import DatasetCard
from liveact_eval.datasets.prepared_clips import prepared_clips
from liveact_eval.datasets.preparing.manifest import read_manifest
from liveact_eval.datasets.published.catalogue import prepared_folder, split_of
from liveact_eval.datasets.published.commands import prepare_command
from liveact_eval.datasets.published.splits import Split
from liveact_eval.errors import UserError


@dataclass(frozen=True, kw_only=True)
class DatasetState:
    """What a list says of a dataset."""

    clips: int | None
    """Clips of the split; `None`: a folder has as many as it has."""
    ready: int | None
    """How many of them can be used now, with the audio that drives them; `None`: not known before they are looked
    at."""
    ids: tuple[str, ...] = ()
    """Clips of a published split, in order; empty where the list is not drawn yet."""
    reserve: int = 0
    """Clips that may stand in."""
    states: dict[str, int] = field(default_factory=dict)
    """Clips of the split by their state in the manifest."""
    folder: Path | None = None
    """Where the prepared clips lie, or would."""
    problem: str | None = None
    """Why it cannot be told, or cannot be used as it is."""


def state_of(card: DatasetCard, given: str, beside: Path, root: Path | None = None) -> DatasetState:
    """How much of a dataset is here.

    Args:
        card: any dataset card.
        given: name or path of the card as the user wrote it, for commands in messages.
        beside: folder of the card.
        root: folder of all prepared datasets; the default is `prepared_root()`.
    """
    if card.talkers is not None:
        return DatasetState(clips=card.talkers.clips, ready=card.talkers.clips)
    if card.prepared is None:
        return DatasetState(clips=None, ready=None)
    folder = prepared_folder(card, root)
    wanted = card.prepared.rule.clips
    try:
        again = prepare_command(card, given, root)
        rows = read_manifest(folder.manifest, again) if folder.has_manifest else {}
        lists = folder.lists
        split = (
            Split(name=card.prepared.split, clips=())
            if card.prepared.split_sha256 is None and lists is None
            else split_of(card, beside, lists)
        )
    except UserError as error:
        return DatasetState(clips=wanted, ready=0, folder=folder.path, problem=str(error))
    states = Counter[str](rows[clip].status if clip in rows else "todo" for clip in split.clips)
    return DatasetState(
        clips=wanted,
        ready=sum(clip.is_here for clip in prepared_clips(split.clips, rows, folder, card.protocol)),
        ids=split.clips,
        reserve=len(split.reserve),
        states={state: count for state, count in states.items() if count},
        folder=folder.path,
    )
