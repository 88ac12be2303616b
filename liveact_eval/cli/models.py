"""`liveact-eval models list|show|fetch`."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from liveact_eval.cli import options
from liveact_eval.cli.console import stderr, stdout, write_json
from liveact_eval.cli.tables import show_content, show_list

if TYPE_CHECKING:
    from liveact_eval.cards.model import ModelCard
    from liveact_eval.weights.store import Found

Name = Annotated[str, typer.Argument(help="Name, or path of a card.", show_default=False)]
Dir = Annotated[
    Path | None,
    typer.Option(
        "--dir",
        help="Folder of all weights. Default: LIVEACT_EVAL_WEIGHTS, else the cache.",
        show_default=False,
    ),
]
_GIB = 2.0**30
_KINDS = ("native", "control", "command", "published")
_SUMMARY = 88
"""Letters of a summary in the list."""

models = typer.Typer(
    no_args_is_help=True,
    help="List models, show one, fetch its weights. Example: liveact-eval models list --json",
)


@models.command("list")
def list_models(as_json: options.Json = False) -> None:
    """All model cards. Example: liveact-eval models list"""
    from liveact_eval.cards.load import list_cards, load_model
    from liveact_eval.generators.build import runnable

    cards = [load_model(name) for name in list_cards("models")]
    rows = [
        {"name": c.name, "title": c.title, "kind": c.kind, "runs": runnable(c), "summary": c.summary}
        for c in cards
    ]
    if as_json:
        write_json(rows)
        return
    # Titles and whole summaries would make several lines of each; `models show` has them.
    short = [
        {key: row[key] for key in ("name", "kind", "runs")}
        | {"summary": textwrap.shorten(str(row["summary"]), _SUMMARY, placeholder=" …")}
        for row in sorted(rows, key=lambda row: _KINDS.index(str(row["kind"])))
    ]
    show_list(short, False)


@models.command("show")
def show_model(name: Name, folder: Dir = None, as_json: options.Json = False) -> None:
    """One model card in full, what of it is missing here, and its operations per frame by formula.

    Examples:

        liveact-eval models show liveact

        liveact-eval models show infinitetalk --json
    """
    from liveact_eval.cards.load import load_model
    from liveact_eval.cli.model_operations import operation_rows, print_operations_by_rule
    from liveact_eval.clips.clip import printable
    from liveact_eval.generators.command.prerequisites import find_lacking
    from liveact_eval.weights.store import inventory, weights_root

    card = load_model(name)
    files = inventory(card, folder)
    content = card.model_dump(mode="json")
    if card.command is not None:
        lacking = find_lacking(card.name, card.command)
        content["missing_here"] = [{"what": lack.what, "mend": lack.mend} for lack in lacking]
    if as_json:
        rows = [] if card.counting is None else operation_rows(card.counting)
        write_json(
            content
            | {"weights_dir": printable(str(folder or weights_root())), "files": [_row(f) for f in files]}
            | {"operations": rows}
        )
        return
    # The figures of the formula stand under the table that they lead to.
    content.pop("counting")
    content = {key: value for key, value in content.items() if value is not None and value != []}
    if card.command is not None:
        content["command"] = card.command.model_dump(mode="json", exclude_defaults=True)
    if card.published is not None:
        stdout().print(f"{card.title}: published figures only; cannot be run here.", markup=False)
    if files:
        content |= {"licence": _licence(card), "weights": _summary(files, folder or weights_root())}
    show_content(content, False)
    if files:
        _print_files(files)
    if card.counting is not None:
        print_operations_by_rule(card.counting)


@models.command("fetch")
def fetch_model(
    name: Name,
    mirror: Annotated[
        str | None,
        typer.Option(
            "--mirror", help="Address of a mirror of the hub. No token is sent to it.", show_default=False
        ),
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Fetch nothing: check the hashes of what is there.")
    ] = False,
    only: Annotated[
        str | None,
        typer.Option(
            "--only",
            help="A part ([bold]dit, vae, text, tokenizer, image, speech[/]) or a pattern of file names.",
            show_default=False,
        ),
    ] = None,
    folder: Dir = None,
    quiet: options.Quiet = False,
) -> None:
    """Fetch the weights of a model, one file after the other, and check them.

    What was broken off is continued. A file takes its name when its hash is right.

    Examples:

        liveact-eval models fetch liveact

        liveact-eval models fetch liveact --only vae --dir path/to/weights

        liveact-eval models fetch liveact --mirror https://hub.example

        liveact-eval models fetch liveact --offline          # check only
    """
    from liveact_eval.cards.load import load_model
    from liveact_eval.cli.transfer import TransferProgress
    from liveact_eval.errors import UserError
    from liveact_eval.weights.fetch import chosen, fetch, verify
    from liveact_eval.weights.store import weights_root

    if offline and mirror is not None:
        raise UserError("--offline fetches nothing, so it takes no --mirror. Leave one of them out")
    card = load_model(name)
    if card.command is not None:
        raise UserError(
            f"{card.title} ({card.name}) is run as a program, and reads its weights as whole folders of the hub. What "
            f"is missing, with the command that fetches it, is listed by: liveact-eval models show {name}"
        )
    chosen(card, only)
    if not quiet and not offline:
        stderr().print(f"licence of {card.title}: {_licence(card)}", markup=False, soft_wrap=True)
    with TransferProgress(quiet=quiet) as progress:
        if offline:
            files = verify(card, progress, root=folder, only=only)
        else:
            files = fetch(card, progress, root=folder, mirror=mirror, only=only)
    stdout().print(_summary(files, folder or weights_root()), markup=False, soft_wrap=True)


def _licence(card: ModelCard) -> str:
    return card.licence or "none stated by the authors: ask them before you publish or sell what it makes"


def _summary(files: list[Found], root: Path) -> str:
    """How many files are there, and how large they are, in one line."""
    from liveact_eval.clips.clip import printable

    there = [f for f in files if f.state in {"present", "not yet checked"}]
    needed = [f for f in files if f.state == "present" or not f.entry.optional]
    unchecked = sum(f.state == "not yet checked" for f in there)
    size = sum(f.bytes or 0 for f in there) / _GIB
    # A size is known of what is there and of what the card pins.
    unknown = any(f.entry.bytes is None for f in needed if f not in there)
    total = size + sum(f.entry.bytes or 0 for f in needed if f not in there) / _GIB
    checked = f" ({unchecked} not yet checked)" if unchecked else ""
    more = " and files of unknown size" if unknown else ""
    return (
        f"{len(there)} of {max(len(needed), len(there))} files, {size:.2f} of {total:.2f} GiB{more}, "
        f"in {printable(str(root))}{checked}"
    )


def _row(found: Found) -> dict[str, Any]:
    from liveact_eval.clips.clip import printable

    entry = found.entry
    return {
        "role": entry.role,
        "file": found.file,
        "state": found.state,
        "optional": entry.optional,
        "bytes": found.bytes,
        "expected_bytes": entry.bytes,
        "sha256": entry.sha256,
        "hub": entry.hub,
        "revision": entry.revision,
        "path": printable(str(found.path)),
    }


def _print_files(files: list[Found]) -> None:
    from rich.markup import escape
    from rich.table import Table

    from liveact_eval.clips.clip import printable

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in ("part", "file", "GiB", "state", "hub"):
        table.add_column(column, justify="right" if column == "GiB" else "left", overflow="fold")
    for found in files:
        size = found.entry.bytes if found.state == "missing" else found.bytes
        state: str = found.state
        if state == "missing" and found.bytes:
            state = f"missing, {found.bytes / _GIB:.2f} GiB of it fetched"
        elif state == "missing" and found.entry.optional:
            state = "missing, optional"
        elif state == "wrong size" and found.entry.bytes:
            state = f"wrong size: {found.bytes} bytes, expected {found.entry.bytes}"
        gib = "?" if size is None else f"{size / _GIB:.2f}"
        table.add_row(found.entry.role, escape(printable(found.file)), gib, state, found.entry.hub)
    stdout().print(table)
