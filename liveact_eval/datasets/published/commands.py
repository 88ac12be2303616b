"""The commands that messages name: complete enough to be pasted."""

from __future__ import annotations

import shlex
from pathlib import Path

from liveact_eval.cards.dataset import DatasetCard
from liveact_eval.datasets.published.layout import DATA_VARIABLE


def prepare_command(card: DatasetCard, given: str, root: Path | None = None) -> str:
    """The command that prepares a dataset.

    Args:
        card: its card.
        given: name or path of the card as the user wrote it.
        root: folder of prepared datasets as the user named it; `None`: the usual one.
    """
    accept = " --accept-terms" if card.prepared is not None and card.prepared.must_accept else ""
    return f"liveact-eval datasets prepare {shlex.quote(given)}{_root(root)}{accept}"


def verify_command(given: str, root: Path | None = None) -> str:
    """The command that checks a prepared dataset; arguments as of `prepare_command`."""
    return f"liveact-eval datasets verify {shlex.quote(given)}{_root(root)}"


def run_command(given: str, root: Path | None = None) -> str:
    """The command that runs over a dataset. It has no option for the root: the environment names it."""
    before = "" if root is None else f"{DATA_VARIABLE}={shlex.quote(str(root))} "
    return f"{before}liveact-eval run --dataset {shlex.quote(given)}"


def _root(root: Path | None) -> str:
    return "" if root is None else f" --root {shlex.quote(str(root))}"
