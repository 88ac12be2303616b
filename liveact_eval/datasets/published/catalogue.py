"""Which reader belongs to which dataset, and the clips of its split."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from liveact_eval.cards.dataset import DatasetCard
from liveact_eval.cards.published import PreparedSpec
from liveact_eval.datasets.published.annotation_files import find_annotations
from liveact_eval.datasets.published.celebvhq import read_celebvhq
from liveact_eval.datasets.published.commands import run_command
from liveact_eval.datasets.published.emtd import read_emtd
from liveact_eval.datasets.published.hdtf import read_hdtf
from liveact_eval.datasets.published.layout import PreparedFolder
from liveact_eval.datasets.published.long_audio import LongAudio, long_audios
from liveact_eval.datasets.published.source_clip import SourceClip
from liveact_eval.datasets.published.splits import Split, drawn_split, read_split
from liveact_eval.errors import UserError

_READERS: dict[str, Callable[[Path, str], list[SourceClip]]] = {
    "hdtf": read_hdtf,
    "emtd": read_emtd,
    "celebvhq": read_celebvhq,
}


def source_clips(card: DatasetCard, annotations: Path) -> list[SourceClip]:
    """All clips of the authors' lists, in their order; more than any split has.

    Args:
        card: a card of kind `prepared`.
        annotations: folder of the lists; their content is checked against the card.

    Raises:
        UserError: a list is missing, is not the pinned one, or holds what cannot be read.
    """
    spec = _spec(card)
    return _READERS[spec.annotations](find_annotations(card, annotations), spec.prompt)


def split_of(card: DatasetCard, beside: Path, annotations: Path | None = None) -> Split:
    """The split of a card with its reserve: the committed list, or where there is none, drawn by the rule.

    Args:
        card: a card of kind `prepared`.
        beside: folder of the card.
        annotations: folder of the authors' lists; needed where no list is committed.

    Raises:
        UserError: there is no list and nothing to draw it from, or the list is not the pinned one.
    """
    if _spec(card).split_sha256 is None and annotations is not None:
        return drawn_split(card, source_clips(card, annotations))
    return read_split(card, beside)


def long_clips(card: DatasetCard, annotations: Path) -> dict[str, LongAudio]:
    """The long audios of a card that has a `concatenate` section, by clip id.

    Raises:
        UserError: the card has no such section, or the lists cannot be read.
    """
    spec = _spec(card)
    if spec.concatenate is None:
        raise UserError(f"Dataset {card.name!r} has no long audio: its card has no section `concatenate`.")
    return long_audios(source_clips(card, annotations), spec.rule, spec.concatenate)


def prepared_folder(card: DatasetCard, root: Path | None = None) -> PreparedFolder:
    """Where the prepared clips of a card lie, or would."""
    return PreparedFolder.of(_spec(card).folder, root)


def _spec(card: DatasetCard) -> PreparedSpec:
    if card.prepared is None:
        given = "path/to/videos" if card.folder is not None and card.folder.path is None else card.name
        raise UserError(
            f"Dataset {card.name!r} is of kind {card.kind!r}: nothing of it has to be prepared. Use it with: "
            f"{run_command(given)}"
        )
    return card.prepared
