"""Options of a strategy as a model card or a command gives them, checked against the strategy's own configuration."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import TYPE_CHECKING, TypeVar, get_type_hints

from pydantic import TypeAdapter, ValidationError

from liveact_eval.errors import UserError, unknown_name
from liveact_eval.liveact.errors import LiveActError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    ConfigT = TypeVar("ConfigT", bound=DataclassInstance)

OptionValue = bool | int | float | str | tuple[float, ...] | None
"""What an option can be; levels and distances are several numbers."""
RolloutOptions = tuple[tuple[str, OptionValue], ...]
"""Options by name, in an order that does not matter."""


def configured(rollout: str, published: ConfigT, options: RolloutOptions) -> ConfigT:
    """A strategy's configuration with other values for some of its fields.

    Args:
        rollout: name of the strategy, for errors.
        published: its configuration as published.
        options: the values, each of the type of its field.

    Raises:
        UserError: an option that the strategy does not have (the nearest is named), or a value that it cannot take.
    """
    known = {field.name for field in fields(published)}
    kinds = get_type_hints(type(published))
    found: dict[str, object] = {}
    for name, value in options:
        if name not in known:
            raise unknown_name(f"option of rollout {rollout}", name, sorted(known))
        try:
            found[name] = TypeAdapter(kinds[name]).validate_python(value, strict=True)
        except ValidationError as error:
            wrong = "; ".join(item["msg"] for item in error.errors())
            raise UserError(
                f"Option {name} of rollout {rollout} is {value!r}: {wrong}. Published is {getattr(published, name)!r}"
            ) from error
    try:
        return replace(published, **found)
    except LiveActError as error:
        raise UserError(f"Options of rollout {rollout}: {error}") from error


def as_options(pairs: Iterable[tuple[str, object]]) -> RolloutOptions:
    """Options in one order, hashable, from what YAML gives.

    Raises:
        UserError: a value that no option can be.
    """
    return tuple(sorted((name, _value(name, value)) for name, value in pairs))


def in_words(options: RolloutOptions) -> str:
    """Options as text, for results: `passes=2, window=2`."""
    return ", ".join(f"{name}={value}" for name, value in options)


def _value(name: str, value: object) -> OptionValue:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        numbers = [item for item in value if isinstance(item, int | float) and not isinstance(item, bool)]
        if len(numbers) == len(value):
            return tuple(numbers)
    raise UserError(
        f"Option {name} of the rollout is {value!r}: expected a number, a word, true, false or numbers"
    )
