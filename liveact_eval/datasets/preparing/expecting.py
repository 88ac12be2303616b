"""What a prepared folder should hold, from the card and from what is at hand of the authors' lists."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from liveact_eval.cards.dataset import DatasetCard
from liveact_eval.datasets.preparing.recipe import recipe_of
from liveact_eval.datasets.preparing.request import Request, choose, lists_at_hand
from liveact_eval.datasets.preparing.verify import Expectation
from liveact_eval.datasets.published.catalogue import prepared_folder, split_of
from liveact_eval.datasets.published.commands import prepare_command
from liveact_eval.datasets.published.layout import PreparedFolder
from liveact_eval.errors import UserError

_ALL = 10**9


def manifest_folder(card: DatasetCard, given: str, root: Path | None) -> PreparedFolder:
    """The prepared folder of a dataset, which has a manifest.

    Raises:
        UserError: nothing is prepared there; the message names the command that prepares it.
    """
    folder = prepared_folder(card, root)
    if not folder.has_manifest:
        raise UserError(
            f"Dataset {card.name!r} is not prepared: there is no {str(folder.manifest)!r}. Prepare it with: "
            f"{prepare_command(card, given, root)}"
        )
    return folder


def expectation(
    card: DatasetCard, beside: Path, *, annotations: Path | None, root: Path | None
) -> Expectation:
    """What should be in a dataset's folder. Without the authors' lists, intervals and crops cannot be compared.

    Raises:
        UserError: a folder of lists was given that does not have them, or the committed split was changed.
    """
    recipe = recipe_of(card.protocol)
    request = Request(card=card, beside=beside, root=root, annotations=annotations)
    lists = lists_at_hand(request)
    if lists is None and card.prepared is not None and card.prepared.split_sha256 is None:
        # The split is drawn from the lists.
        return Expectation(recipe=recipe, split=(), known=None, identities=None)
    split = split_of(card, beside, lists)
    if lists is None:
        known = frozenset((*split.clips, *split.reserve))
        return Expectation(recipe=recipe, split=split.clips, known=known, identities=None)
    wanted = choose(replace(request, reserve=_ALL), lists)
    return Expectation(
        recipe=recipe,
        split=split.clips,
        known=frozenset(one.id for one in wanted),
        identities={one.id: one.identity(recipe) for one in wanted},
    )
