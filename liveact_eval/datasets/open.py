"""From a name on the command line to a dataset: a card, a card's path, a folder of videos, or a list of clips."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from liveact_eval.cards.load import is_card_path, list_cards, load_dataset, parse_typed
from liveact_eval.cards.protocol import Encoding, Protocol
from liveact_eval.datasets.base import Dataset
from liveact_eval.datasets.rows import is_list_path
from liveact_eval.errors import UserError

CACHE_VARIABLE = "LIVEACT_EVAL_CACHE"


class ProtocolChanges(BaseModel):
    """Fields of the dataset's protocol that a run changes. The protocol's hash changes with them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fps: float | None = Field(default=None, gt=0, le=240)
    """Measure at this constant rate."""
    size: tuple[int, int] | None = None
    """Width and height that every video must have."""
    clip_seconds: float | None = Field(default=None, gt=0)
    """Measure this much of each clip, from its start."""
    encoding: Encoding | None = None
    """How made videos are written."""
    use_reserve: bool = False
    """Let clips of a published split's reserve stand in for those that are not here: another split, named `+rN`."""


def cache_root() -> Path:
    """Where drawn clips and, later, weights are kept; the environment variable LIVEACT_EVAL_CACHE moves it."""
    import platformdirs

    named = os.environ.get(CACHE_VARIABLE)
    return Path(named) if named else Path(platformdirs.user_cache_dir("liveact-eval", appauthor=False))


def open_dataset(name: str, changes: ProtocolChanges) -> Dataset:
    """The dataset of that name.

    Args:
        name: name of a card, or path of a card (`.yaml`), of a list of clips (`.csv`, `.jsonl`), or of a folder of
            videos.
        changes: what the run changes in its protocol.

    Raises:
        UserError: there is no such dataset, or it has to be prepared first.
    """
    is_own = is_list_path(name) or (
        not is_card_path(name) and name not in list_cards("datasets") and Path(name).exists()
    )
    card, path = load_dataset("folder" if is_own else name)
    protocol = changed(card.protocol, changes)
    if changes.use_reserve and card.prepared is None:
        raise UserError(f"protocol.use_reserve: dataset {name!r} has no reserve. Leave it out.")
    if card.talkers is not None:
        from liveact_eval.datasets.drawn import open_drawn

        return open_drawn(card, card.talkers, protocol, cache_root())
    if card.folder is not None:
        root = Path(name) if is_own else None
        if root is None and card.folder.path is not None:
            root = path.parent / card.folder.path
        if root is None:
            raise UserError(
                "The dataset `folder` needs a folder: give its path, as in --dataset path/to/videos, "
                "or write a card that names it (docs/add-a-dataset.md)."
            )
        if is_list_path(str(root)):
            from liveact_eval.datasets.listed import open_listed

            return open_listed(card, card.folder, protocol, root, own=is_own)
        from liveact_eval.datasets.folder import open_folder

        return open_folder(card, card.folder, protocol, root)
    from liveact_eval.datasets.prepared import open_prepared

    return open_prepared(card, protocol, given=name, beside=path.parent, use_reserve=changes.use_reserve)


def changed(protocol: Protocol, changes: ProtocolChanges) -> Protocol:
    """A protocol with those fields changed that are given, those of the encoding one by one."""
    fields = changes.model_dump(exclude_unset=True)
    encoding = fields.pop("encoding", None)
    fields.pop("use_reserve", None)
    if encoding is not None:
        fields["encoding"] = protocol.encoding.model_dump() | encoding
    return parse_typed(protocol.model_dump() | fields, Protocol, where="protocol")
