"""The terms of a dataset: shown once, and accepted where that is asked for."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from liveact_eval.cards.dataset import DatasetCard
from liveact_eval.datasets.published.layout import PreparedFolder
from liveact_eval.errors import UserError
from liveact_eval.files import write_text


def terms_text(card: DatasetCard) -> str:
    """What is shown."""
    if card.prepared is None:
        raise ValueError(f"{card.name} is no published dataset")
    licence = card.licence or "none stated"
    return f"{card.title}: licence: {licence}. Terms: {card.prepared.terms} See {card.prepared.url}"


def settle_terms(card: DatasetCard, given: str, folder: PreparedFolder, *, accepted: bool) -> str | None:
    """The terms to show now; `None` if these were shown here before.

    Args:
        card: a card of kind `prepared`.
        given: name or path of the card as the user wrote it, for the command in the message.
        folder: remembers what was shown.
        accepted: whether the user says that they accept them.

    Raises:
        UserError: the terms must be accepted first; nothing is remembered then.
    """
    text = terms_text(card)
    digest = hashlib.sha256(text.encode()).hexdigest()
    path = _record(folder)
    known = _read(path)
    if card.prepared is not None and card.prepared.must_accept and not accepted and known != (digest, True):
        raise UserError(
            f"{text}\nNothing is fetched before these terms are accepted. If you do, run: "
            f"liveact-eval datasets prepare {given} --accept-terms"
        )
    if known is not None and known[0] == digest and (known[1] or not accepted):
        return None
    write_text(path, json.dumps({"terms_sha256": digest, "accepted": accepted, "terms": text}, indent=2))
    return text


def _record(folder: PreparedFolder) -> Path:
    return folder.path / "terms.json"


def _read(path: Path) -> tuple[str, bool] | None:
    """Hash of the terms that were shown, and whether they were accepted."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return str(content["terms_sha256"]), content["accepted"] is True
    except (OSError, ValueError, KeyError, TypeError):
        return None
