"""`liveact-eval datasets|metrics list|show`."""

from __future__ import annotations

from typing import Annotated

import typer

from liveact_eval.cli import options
from liveact_eval.cli.models import models
from liveact_eval.cli.tables import show_content, show_list

__all__ = ["datasets", "metrics", "models"]

Name = Annotated[str, typer.Argument(help="Name, or path of a card.", show_default=False)]


def _group(noun: str) -> typer.Typer:
    return typer.Typer(
        no_args_is_help=True, help=f"List {noun} and show one. Example: liveact-eval {noun} list --json"
    )


datasets = _group("datasets")
metrics = _group("metrics")


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


@metrics.command("list")
def list_metrics(as_json: options.Json = False) -> None:
    """All metrics. Example: liveact-eval metrics list"""
    from liveact_eval.metrics.registry import shipped

    rows = []
    for metric in shipped().values():
        needs = {
            "reference": metric.paired,
            "face": metric.face,
            "sound": metric.sound,
            "truth": metric.truth,
        }
        rows.append(
            {
                "name": metric.name,
                "outputs": [output.name for output in metric.outputs],
                "needs": [name for name, needed in needs.items() if needed],
                "summary": metric.summary,
            }
        )
    show_list(rows, as_json)


@metrics.command("show")
def show_metric(name: Name, as_json: options.Json = False) -> None:
    """One metric in full: recipe, source, needs, outputs. Example: liveact-eval metrics show ssim"""
    from liveact_eval.metrics.registry import select

    described = [metric.describe() for metric in select([name])]
    show_content(described[0] if len(described) == 1 else {"metrics": described}, as_json)
