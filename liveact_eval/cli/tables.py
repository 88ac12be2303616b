"""How lists and cards are shown: a table or YAML for people, JSON on request."""

from __future__ import annotations

from typing import Any

from liveact_eval.cli.console import stdout, write_json


def show_list(rows: list[dict[str, Any]], as_json: bool) -> None:
    """Rows with the same fields."""
    if as_json:
        write_json(rows)
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in rows[0] if rows else ():
        # Long identifiers are folded: cut short, they name nothing.
        ratio = 1 if column == "summary" else None
        table.add_column(column, no_wrap=column == "name", overflow="fold", ratio=ratio)
    for row in rows:
        table.add_row(*(escape(_text(value)) for value in row.values()))
    stdout().print(table)


def show_content(content: dict[str, Any], as_json: bool) -> None:
    """One thing in full."""
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


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    return str(value)
