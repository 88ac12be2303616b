"""What has an environment: the cards below `environments/`, of tools and of the systems that models run as programs."""

from __future__ import annotations

from pathlib import Path

from liveact_eval.cards.environment import EnvironmentCard
from liveact_eval.cards.load import is_card_path, list_cards, read_typed
from liveact_eval.errors import UserError, unknown_name

KIND = "environments"


def list_environments() -> dict[str, EnvironmentCard]:
    """Every shipped card that describes an environment, by name."""
    return {name: read_typed(path, EnvironmentCard) for name, path in list_cards(KIND).items()}


def load_environment(name: str) -> EnvironmentCard:
    """The card of that name, or at that path if `name` is a path to a YAML file.

    Raises:
        UserError: there is none.
    """
    if is_card_path(name):
        path = Path(name)
        if not path.is_file():
            raise UserError(f"No card at {name!r}: expected a YAML file. Check the path.")
        return read_typed(path, EnvironmentCard)
    cards = list_cards(KIND)
    if name in cards:
        return read_typed(cards[name], EnvironmentCard)
    if name in list_cards("models"):
        raise UserError(
            f"{name!r} is a model without an environment of its own name: see `liveact-eval models show {name}`. "
            f"Environments: {', '.join(cards)}."
        )
    raise unknown_name("environment", name, cards, hint="List them with: liveact-eval env list")
