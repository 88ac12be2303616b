"""Rotation tables that are built once: a stream asks for the same few positions at every model call."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

import torch

from liveact_eval.liveact.rope import RopeTable, rope_table


class _Key(NamedTuple):
    frames: tuple[int, ...]
    height: int
    width: int
    head_dim: int
    device: torch.device
    inference: bool
    """Tables made in inference mode cannot take part in training, so the two are kept apart."""


class RopeCache:
    """The tables that were asked for last.

    A stream needs four: queries and keys of the first block and of all later ones. A memory that grows asks for
    another pair at every block; the oldest tables are then let go.

    Args:
        entries: tables that are kept.
    """

    def __init__(self, entries: int = 8) -> None:
        self._entries = entries
        self._tables: OrderedDict[_Key, RopeTable] = OrderedDict()

    def table(
        self, frames: tuple[int, ...], height: int, width: int, head_dim: int, device: torch.device
    ) -> RopeTable:
        """The table of `rope_table`; the same object as long as it is kept."""
        key = _Key(frames, height, width, head_dim, device, torch.is_inference_mode_enabled())
        found = self._tables.pop(key, None)
        if found is None:
            found = rope_table(torch.tensor(frames, device=device), height, width, head_dim)
        self._tables[key] = found
        while len(self._tables) > self._entries:
            self._tables.popitem(last=False)
        return found

    def __len__(self) -> int:
        return len(self._tables)
