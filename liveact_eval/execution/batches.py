"""Clips of models that make several in one process: gathered while they are made ready, given out together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from liveact_eval.execution.entrants import Entrant
from liveact_eval.generators.command.adapter import CommandGenerator


class _Pair(Protocol):
    @property
    def entrant(self) -> Entrant: ...


P = TypeVar("P", bound=_Pair)
T = TypeVar("T")


def clips_together(entrant: Entrant) -> int:
    """How many clips a model makes at once."""
    generator = entrant.generator
    return generator.clips_per_call if isinstance(generator, CommandGenerator) else 1


@dataclass
class Batches(Generic[P, T]):
    """Gathers (clip, model) pairs per model, each with what is needed to make it.

    Every pair that was announced is either added or left out; with the last one a batch is given out, full or not.
    """

    expected: dict[str, int] = field(default_factory=dict)
    """Pairs that are still to come, by model."""
    gathered: dict[str, list[tuple[P, T]]] = field(default_factory=dict)
    """Those that wait, by model."""

    def announce(self, pairs: Iterable[P]) -> None:
        """Say which pairs will be added or left out; those of models that make one clip at a time are ignored."""
        for pair in pairs:
            if clips_together(pair.entrant) > 1:
                name = pair.entrant.name
                self.expected[name] = self.expected.get(name, 0) + 1

    def takes(self, pair: P) -> bool:
        """Whether a pair was announced, so that it waits for others."""
        return self.expected.get(pair.entrant.name, 0) > 0

    def add(self, pair: P, given: T) -> list[tuple[P, T]]:
        """Add a pair; gives a batch if one is complete, else nothing."""
        self.gathered.setdefault(pair.entrant.name, []).append((pair, given))
        return self.leave_out(pair)

    def leave_out(self, pair: P) -> list[tuple[P, T]]:
        """A pair will not come; gives those that only waited for it."""
        name = pair.entrant.name
        self.expected[name] = self.expected.get(name, 0) - 1
        waiting = self.gathered.get(name, [])
        if waiting and (self.expected[name] <= 0 or len(waiting) >= clips_together(pair.entrant)):
            self.gathered[name] = []
            return waiting
        return []
