"""`liveact-eval datasets list|show`, and where the groups of the other nouns lie."""

from __future__ import annotations

from typing import Annotated

import typer

from liveact_eval.cli import options
from liveact_eval.cli.metrics_commands import metrics
from liveact_eval.cli.models import models
from liveact_eval.cli.tables import show_content, show_list

__all__ = ["datasets", "metrics", "models"]

Name = Annotated[str, typer.Argument(help="Name, or path of a card.", show_default=False)]


datasets = typer.Typer(
    no_args_is_help=True, help="List datasets and show one. Example: liveact-eval datasets list --json"
)


@datasets.command("list")
def list_datasets(as_json: options.Json = False) -> None:
    """All dataset cards. Example: liveact-eval datasets list"""
    from liveact_eval.cards.load import list_cards, load_dataset

    cards = [load_dataset(name)[0] for name in list_cards("datasets")]
    show_list(
        [
            {
                "name": c.name,
                "title": c.title,
                "tier": c.tier,
                "ready": c.kind != "prepared",
                "summary": c.summary,
            }
            for c in cards
        ],
        as_json,
    )


@datasets.command("show")
def show_dataset(name: Name, as_json: options.Json = False) -> None:
    """One dataset card in full. Example: liveact-eval datasets show talkers"""
    from liveact_eval.cards.load import load_dataset

    show_content(load_dataset(name)[0].model_dump(mode="json"), as_json)
