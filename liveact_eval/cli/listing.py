"""`liveact-eval models|datasets|metrics list|show`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from liveact_eval.cli import options
from liveact_eval.cli.console import stdout, write_json

Name = Annotated[str, typer.Argument(help="Name, or path of a card.", show_default=False)]


def _group(noun: str) -> typer.Typer:
    return typer.Typer(
        no_args_is_help=True, help=f"List {noun} and show one. Example: liveact-eval {noun} list --json"
    )


models = _group("models")
datasets = _group("datasets")
metrics = _group("metrics")


@models.command("list")
def list_models(as_json: options.Json = False) -> None:
    """All model cards. Example: liveact-eval models list"""
    from liveact_eval.cards.load import list_cards, load_model
    from liveact_eval.generators.build import runnable

    cards = [load_model(name) for name in list_cards("models")]
    _list(
        [
            {"name": c.name, "title": c.title, "kind": c.kind, "runs": runnable(c), "summary": c.summary}
            for c in cards
        ],
        as_json,
    )


@models.command("show")
def show_model(name: Name, as_json: options.Json = False) -> None:
    """One model card in full. Example: liveact-eval models show shift"""
    from liveact_eval.cards.load import load_model

    _show(load_model(name).model_dump(mode="json"), as_json)


@datasets.command("list")
def list_datasets(as_json: options.Json = False) -> None:
    """All dataset cards. Example: liveact-eval datasets list"""
    from liveact_eval.cards.load import list_cards, load_dataset

    cards = [load_dataset(name)[0] for name in list_cards("datasets")]
    _list(
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

    _show(load_dataset(name)[0].model_dump(mode="json"), as_json)


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
    _list(rows, as_json)


@metrics.command("show")
def show_metric(name: Name, as_json: options.Json = False) -> None:
    """One metric in full: recipe, source, needs, outputs. Example: liveact-eval metrics show ssim"""
    from liveact_eval.metrics.registry import select

    described = [metric.describe() for metric in select([name])]
    _show(described[0] if len(described) == 1 else {"metrics": described}, as_json)


def _list(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        write_json(rows)
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in rows[0] if rows else ():
        table.add_column(column, no_wrap=column == "name", ratio=1 if column == "summary" else None)
    for row in rows:
        table.add_row(*(escape(_text(value)) for value in row.values()))
    stdout().print(table)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    return str(value)


def _show(content: dict[str, Any], as_json: bool) -> None:
    if as_json:
        write_json(content)
        return
    import json

    import yaml

    # Through JSON: tuples and other types that a safe dumper would tag become plain lists.
    plain = json.loads(json.dumps(content, default=str))
    stdout().print(
        yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=110).rstrip(), markup=False
    )
