"""What several metrics make of the same pictures is made once, by whoever asks first."""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable
from typing import Any, Literal, TypeVar

Of = Literal["windows", "reference", "anchor"]
"""What of a batch something is made of."""

T = TypeVar("T")


class Memo:
    """What was made of some pictures, by a key that says how.

    It lives as long as these pictures do: a batch of windows for one step of the pass, an anchor for all of it.
    What fails is not kept: the next who asks tries for himself.
    """

    def __init__(self) -> None:
        self._made: dict[Hashable, Any] = {}

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives, or gave before under that key; a copy, so that nobody changes another's."""
        if key not in self._made:
            self._made[key] = make()
        made: T = copy.deepcopy(self._made[key])
        return made
