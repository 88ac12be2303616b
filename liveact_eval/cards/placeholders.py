"""Placeholders in the templates of a card: `{name}` stands for a value, `{{` and `}}` for the braces themselves."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping

Value = str | int | float
"""What a placeholder may stand for."""
_TOKEN = re.compile(r"\{\{|\}\}|\{([A-Za-z_][A-Za-z0-9_.-]*)\}|[{}]")


def names_in(template: str) -> set[str]:
    """Names of the placeholders in a template.

    Raises:
        ValueError: a brace stands alone.
    """
    return {name for _, name in _parts(template) if name is not None}


def check_names(template: str, known: Iterable[str], *, where: str) -> None:
    """Refuse placeholders that do not exist.

    Args:
        template: the text of a card.
        known: names that may stand in it.
        where: what the text is, for the message.

    Raises:
        ValueError: a brace stands alone, or a name is unknown; the nearest known one is named.
    """
    allowed = sorted(known)
    for name in sorted(names_in(template)):
        if name not in allowed:
            near = difflib.get_close_matches(name, allowed, n=1, cutoff=0.5)
            guess = f"Did you mean `{{{near[0]}}}`?" if near else f"Known: {', '.join(allowed)}."
            raise ValueError(f"unknown placeholder `{{{name}}}` in {where} `{template}`. {guess}")


def fill(template: str, values: Mapping[str, Value]) -> str:
    """A template as text. Whole numbers that are kept as floats are written without a point: 25.0 as `25`."""
    return "".join(text if name is None else _text(values[name]) for text, name in _parts(template))


def fill_typed(template: str, values: Mapping[str, Value]) -> Value:
    """A template as a value: one that is a single placeholder keeps its type, so that `{seed}` is a number in JSON."""
    parts = list(_parts(template))
    if len(parts) == 1 and parts[0][1] is not None:
        return values[parts[0][1]]
    return fill(template, values)


def _parts(template: str) -> Iterator[tuple[str, str | None]]:
    """(text, None) for what stands there, ("", name) for a placeholder."""
    at = 0
    for found in _TOKEN.finditer(template):
        if found.start() > at:
            yield template[at : found.start()], None
        at = found.end()
        if found[1] is not None:
            yield "", found[1]
        elif len(found[0]) == 2:
            yield found[0][0], None
        else:
            raise ValueError(
                f"the brace at character {found.start()} of `{template}` belongs to no placeholder; write "
                f"`{2 * found[0]}`"
            )
    if at < len(template):
        yield template[at:], None


def _text(value: Value) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
