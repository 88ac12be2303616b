"""What a block sees of its past: keys (before RoPE) and values of one denoising step, in a bounded number of slots.

A slot holds the tokens of one latent frame. Neighbor Forcing keeps one such memory per denoising step. Slots of
the official layout: 0-1 reference, 2-3 long-term, 4-5 short-term, 6-13 current block; the first block of six
latent frames fills 0-5. Shapes: B batch, S tokens per latent frame, H heads, D head width.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from liveact_eval.liveact.compression import Compressor, KernelPair
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.kv_store import Store, StoreOptions


@dataclass(frozen=True)
class MemoryLayout:
    """Which slots there are and what becomes of the last block before the next one is written.

    Folds and moves read the memory as it was before any of them is written.
    """

    first: int
    """Latent frames of the first block; they fill slots 0 .. first-1."""
    current: int
    """Latent frames of every later block; they fill the last slots."""
    folds: tuple[tuple[int, tuple[int, ...]], ...]
    """(slot to write, slots that are compressed into it)."""
    moves: tuple[tuple[int, int], ...]
    """(slot to write, slot that is copied)."""

    @property
    def slots(self) -> int:
        """All slots."""
        return self.first + self.current


CONVKV = MemoryLayout(
    first=6, current=8, folds=((2, (2, 3, 4, 5, 6)), (3, (7, 8, 9, 10, 11))), moves=((4, 12), (5, 13))
)
"""The official rule on one device: all that is old goes into slot 2, the last block's middle into slot 3."""
CONVKV_TWO_RANKS = MemoryLayout(
    first=6, current=8, folds=((2, (2, 6, 7, 8, 9)), (3, (3, 4, 5, 10, 11))), moves=((4, 12), (5, 13))
)
"""The official rule on two devices, where each folds the frames that it holds: another memory, other pictures."""
WINDOW = MemoryLayout(first=6, current=8, folds=(), moves=((2, 10), (3, 11), (4, 12), (5, 13)))
"""A sink of two frames and the last four: the same size without compression."""


def convkv_layout(first: int, current: int) -> MemoryLayout:
    """The official rule for blocks of other sizes; `CONVKV` is that of 6 and 8.

    The ten oldest frames behind the reference go into slots 2 and 3, five into each; all slots behind these keep the
    newest frames as they are. Where blocks are short, some of the newest are folded too.

    Args:
        first: latent frames of the first block, and slots of the past.
        current: latent frames of every later block.

    Raises:
        LiveActError: with these sizes there are fewer than ten frames to fold, or frames would be lost.
    """
    if first < 4 or first + current < 12 or current > 8:
        raise LiveActError(
            f"Blocks of {first} and then {current} latent frames: ConvKV folds ten frames behind two of reference. "
            "Expected 4 or more, then 8 at most, and 12 or more together"
        )
    slots, newest = first + current, first - 4
    return MemoryLayout(
        first=first,
        current=current,
        folds=CONVKV.folds,
        moves=tuple((4 + index, slots - newest + index) for index in range(newest)),
    )


class Positions(NamedTuple):
    """Temporal positions of a block for RoPE, one per latent frame."""

    query: tuple[int, ...]
    """Of the block's own frames."""
    key: tuple[int, ...]
    """Of all frames that are attended to, in the order in which the memory gives them."""


class Frame(NamedTuple):
    """Size of the tokens that a memory holds."""

    batch: int
    tokens: int
    """Tokens per latent frame (S)."""
    heads: int
    head_dim: int
    dtype: torch.dtype
    device: torch.device


class LayerMemory:
    """Keys and values of one layer at one denoising step."""

    def __init__(self, keys: Store, values: Store) -> None:
        self.keys = keys
        self.values = values
        self.start = 0
        self.stop = 0

    def over(self, keys: Store, values: Store) -> LayerMemory:
        """The same places in other stores."""
        other = copy.copy(self)
        other.keys, other.values = keys, values
        return other

    def append(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Write a block's keys and values [B, T*S, H, D], and give all that it attends to."""
        self.keys.write(self.start, k)
        self.values.write(self.start, v)
        return self.keys.read(0, self.stop), self.values.read(0, self.stop)

    def nbytes(self) -> int:
        """Bytes held."""
        return self.keys.nbytes() + self.values.nbytes()


class Past:
    """What a model call looks at besides itself, for all layers."""

    layers: list[LayerMemory]

    def nbytes(self) -> int:
        """Bytes of keys and values held."""
        return sum(layer.nbytes() for layer in self.layers)


class Memory(Past, ABC):
    """The past of one denoising step, in slots whose number is their position."""

    held: list[range]
    """Latent frame of the video in each slot, or the oldest to the newest of those folded into it; empty: none."""

    @abstractmethod
    def begin_block(self, frames: int, kernels: Sequence[KernelPair]) -> Positions:
        """Make room for a block of `frames` latent frames: compress what is old, and say where all of it lies.

        Args:
            frames: latent frames of the block.
            kernels: each layer's ConvKV kernels, for policies that use them.
        """


class SlotMemory(Memory):
    """A fixed number of slots, updated by a layout before each block from the third on."""

    def __init__(
        self, layout: MemoryLayout, compressor: Compressor, layers: int, frame: Frame, store: StoreOptions
    ) -> None:
        self.layout = layout
        self._compressor = compressor
        self._tokens = frame.tokens
        self._blocks = 0
        self._frames = 0
        self.held = [range(0)] * layout.slots
        shape = (frame.batch, layout.slots * frame.tokens, frame.heads, frame.head_dim)
        self.layers = [
            LayerMemory(
                store.build(shape, frame.dtype, frame.device), store.build(shape, frame.dtype, frame.device)
            )
            for _ in range(layers)
        ]

    def begin_block(self, frames: int, kernels: Sequence[KernelPair]) -> Positions:
        """See `Memory.begin_block`."""
        expected = self.layout.first if self._blocks == 0 else self.layout.current
        if frames != expected:
            raise LiveActError(
                f"Block {self._blocks} has {frames} latent frames; this memory takes {expected} there"
            )
        if self._blocks >= 2:
            for layer, pair in zip(self.layers, kernels, strict=True):
                self._update(layer.keys, pair.key)
                self._update(layer.values, pair.value)
            self._recount()
        # Positions are the slots' own and never grow: every block from the second on sees the same ones.
        start = 0 if self._blocks == 0 else self.layout.first
        for layer in self.layers:
            layer.start, layer.stop = start * self._tokens, (start + frames) * self._tokens
        self.held[start : start + frames] = _singly(self._frames, self._frames + frames)
        self._blocks, self._frames = self._blocks + 1, self._frames + frames
        return Positions(query=tuple(range(start, start + frames)), key=tuple(range(start + frames)))

    def _recount(self) -> None:
        """Say of which frames the slots are once they were folded and moved."""
        before = list(self.held)
        for slot, sources in self.layout.folds:
            folded = [before[source] for source in sources if before[source]]
            self.held[slot] = range(min(f.start for f in folded), max(f.stop for f in folded))
        for slot, source in self.layout.moves:
            self.held[slot] = before[source]

    def _update(self, store: Store, kernel: Tensor | None) -> None:
        """Fold and move slots of one layer's keys or values."""
        news = [
            (slot, self._compressor(torch.stack([self._slot(store, s) for s in sources], dim=1), kernel))
            for slot, sources in self.layout.folds
        ]
        news += [(slot, self._slot(store, source).clone()) for slot, source in self.layout.moves]
        for slot, values in news:
            store.write(slot * self._tokens, values)

    def _slot(self, store: Store, slot: int) -> Tensor:
        return store.read(slot * self._tokens, (slot + 1) * self._tokens)


class FullMemory(Memory):
    """Every block that ever was, at positions that grow: exact, and unbounded."""

    def __init__(self, layers: int, frame: Frame, store: StoreOptions) -> None:
        self._frame = frame
        self._store = store
        self._frames = 0
        self.held = []
        self.layers = [LayerMemory(self._empty(0), self._empty(0)) for _ in range(layers)]

    def begin_block(self, frames: int, kernels: Sequence[KernelPair]) -> Positions:
        """See `Memory.begin_block`."""
        start, stop = self._frames, self._frames + frames
        for layer in self.layers:
            layer.keys = self._grown(layer.keys, start, stop)
            layer.values = self._grown(layer.values, start, stop)
            layer.start, layer.stop = start * self._frame.tokens, stop * self._frame.tokens
        self._frames = stop
        self.held += _singly(start, stop)
        return Positions(query=tuple(range(start, stop)), key=tuple(range(stop)))

    def _empty(self, frames: int) -> Store:
        shape = (self._frame.batch, frames * self._frame.tokens, self._frame.heads, self._frame.head_dim)
        return self._store.build(shape, self._frame.dtype, self._frame.device)

    def _grown(self, old: Store, start: int, stop: int) -> Store:
        grown = self._empty(stop)
        if start:
            grown.write(0, old.read(0, start * self._frame.tokens))
        return grown


def _singly(start: int, stop: int) -> list[range]:
    """Each latent frame by itself."""
    return [range(frame, frame + 1) for frame in range(start, stop)]
