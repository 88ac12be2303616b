"""`liveact-eval datasets list|show|prepare|verify`; the last two lie beside this."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from liveact_eval.cli import options
from liveact_eval.cli.datasets_prepare import Name, Root, prepare_dataset, verify_dataset
from liveact_eval.cli.tables import show_content, show_list

if TYPE_CHECKING:
    from liveact_eval.cards.dataset import DatasetCard
    from liveact_eval.cards.published import PreparedSpec

datasets = typer.Typer(
    no_args_is_help=True,
    help="List datasets, show one, prepare and verify the published ones. Example: liveact-eval datasets list --json",
)


@datasets.command("list")
def list_datasets(root: Root = None, as_json: options.Json = False) -> None:
    """All dataset cards, and which of them are ready to use.

    Examples:

        liveact-eval datasets list

        liveact-eval datasets list --json
    """
    from liveact_eval.cards.load import list_cards, load_dataset
    from liveact_eval.datasets.published.state import state_of

    rows = []
    for name in list_cards("datasets"):
        card, path = load_dataset(name)
        state = state_of(card, name, path.parent, root)
        rows.append(
            {
                "name": card.name,
                "title": card.title,
                "tier": card.tier,
                "clips": state.clips,
                "ready": state.ready,
                "summary": card.summary,
            }
        )
    if not as_json:
        # A folder has as many clips as it has. `datasets show` has the rest of a summary.
        rows = [
            row
            | {"clips": _number(row["clips"]), "ready": _number(row["ready"])}
            | {"summary": str(row["summary"]).split(". ")[0].rstrip(".")}
            for row in rows
        ]
    show_list(rows, as_json)


@datasets.command("show")
def show_dataset(name: Name, root: Root = None, as_json: options.Json = False) -> None:
    """One dataset in full: its protocol, how its clips were chosen, its terms, what is here of it, what to run.

    Examples:

        liveact-eval datasets show talkers

        liveact-eval datasets show hdtf --json
    """
    from liveact_eval.cards.load import load_dataset

    card, path = load_dataset(name)
    content = card.model_dump(mode="json", exclude_none=not as_json) | _state(card, name, path.parent, root)
    if not as_json and card.prepared is not None:
        # Fifteen hashes are for programs; the rule is for people, and ids in lines rather than a column.
        content["prepared"].pop("files")
        content["prepared"]["rule"] = _rule(card.prepared)
        content["state"]["ids"] = ", ".join(content["state"]["ids"]) or None
    show_content(content, as_json)


datasets.command("prepare")(prepare_dataset)
datasets.command("verify")(verify_dataset)


def _state(card: DatasetCard, given: str, beside: Path, root: Path | None) -> dict[str, Any]:
    """What is here of a dataset, and the commands that use it or bring it here."""
    from liveact_eval.clips.clip import printable
    from liveact_eval.datasets.published.commands import prepare_command, run_command, verify_command
    from liveact_eval.datasets.published.state import state_of

    state = state_of(card, given, beside, root)
    content: dict[str, Any] = {"clips": state.clips, "ready": state.ready}
    if card.prepared is None:
        own = card.folder is not None and card.folder.path is None
        return {"state": content, "commands": [run_command("path/to/videos" if own else given)]}
    content |= {
        "by_state": state.states,
        "reserve": state.reserve,
        "path": None if state.folder is None else printable(str(state.folder)),
        "problem": state.problem,
        "ids": list(state.ids),
    }
    prepare = prepare_command(card, given, root)
    if not state.ready:
        return {"state": content, "commands": [prepare]}
    lacks = state.clips is None or state.ready < state.clips
    commands = [run_command(given, root), *([prepare] if lacks else []), verify_command(given, root)]
    return {"state": content, "commands": commands}


def _rule(spec: PreparedSpec) -> str:
    """The rule of a split in words."""
    rule = spec.rule
    said = [f"sorted by SHA-256 of {rule.key!r} + clip id"]
    what = "speakers" if spec.concatenate is not None else "clips"
    if rule.needs_box:
        said.append("clips without a listed crop left out")
    if rule.min_seconds:
        said.append(f"clips shorter than {rule.min_seconds:g} s left out")
    if spec.concatenate is not None:
        said.append(f"speakers with less than {spec.concatenate.min_own_seconds:g} s of speech left out")
    elif rule.passes == 1:
        said.append("at most one clip per video and per speaker")
    else:
        said.append(f"one clip per video and per speaker first, then up to {rule.passes}")
    said.append(f"the first {rule.clips} {what} are {spec.split}, the rest is its reserve")
    return "; ".join(said)


def _number(value: object) -> str:
    return "–" if value is None else str(value)
