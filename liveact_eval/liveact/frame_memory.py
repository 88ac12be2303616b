"""Keys (before RoPE) and values of single latent frames, by name; each call says what it looks at and leaves.

The memories of `liveact_eval.liveact.memory` tie a slot to a place in the block and to a RoPE position. Here a
slot holds one latent frame under any name; a model call names the frames that it looks at, in order, and the names
under which frames of its own are kept. Since keys lie here before RoPE, a frame can be given another position in
every call: a sink or an anchor that moves with the block is a name and a number, not another kind of memory.

Shapes: B batch, S tokens per latent frame, H heads, D head width.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.kv_store import Store, StoreOptions
from liveact_eval.liveact.memory import Frame, LayerMemory, Past


class FrameLayer(LayerMemory):
    """One layer's keys and values."""

    def __init__(self, keys: Store, values: Store, tokens: int) -> None:
        super().__init__(keys, values)
        self._tokens = tokens
        self.runs: tuple[tuple[int, int], ...] = ()
        """Slots that the call looks at: first one, and the one behind the last, in the order of keys."""
        self.written: tuple[tuple[int, int], ...] = ()
        """(latent frame of the call, slot that takes it)."""

    def append(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Past and own keys and values [B, N, H, D] of a call's k and v [B, T*S, H, D]; then keep what is to stay."""
        seen = self._behind_past(self.keys, k), self._behind_past(self.values, v)
        for index, slot in self.written:
            frame = slice(index * self._tokens, (index + 1) * self._tokens)
            self.keys.write(slot * self._tokens, k[:, frame])
            self.values.write(slot * self._tokens, v[:, frame])
        return seen

    def _behind_past(self, store: Store, own: Tensor) -> Tensor:
        if not self.runs:
            return own
        # `cat` copies, so that writing afterwards changes nothing of what the call looks at.
        past = [store.read(first * self._tokens, stop * self._tokens) for first, stop in self.runs]
        return torch.cat([*past, own], dim=1)


class FrameMemory(Past):
    """Latent frames by name, for all layers.

    Args:
        slots: latent frames that there is room for; `None`: as many as are kept, without bound.
        layers: layers of the transformer.
        frame: size of the tokens of a latent frame.
        store: how keys and values are kept.
    """

    def __init__(self, slots: int | None, layers: int, frame: Frame, store: StoreOptions) -> None:
        self._frame, self._store, self._bound = frame, store, slots
        self._size = slots or 0
        self._free = list(range(self._size))
        self._slots: dict[Hashable, int] = {}
        self._layers = [
            FrameLayer(self._empty(self._size), self._empty(self._size), frame.tokens) for _ in range(layers)
        ]
        self.layers = list[LayerMemory](self._layers)

    @property
    def names(self) -> tuple[Hashable, ...]:
        """What is held."""
        return tuple(self._slots)

    def begin_call(self, seen: Sequence[Hashable], written: Sequence[tuple[int, Hashable]]) -> None:
        """Say what the next model call looks at and leaves.

        Args:
            seen: names of latent frames, in the order of keys; the call's own follow them.
            written: (latent frame of the call, name under which it is kept); one that is held is written over.

        Raises:
            LiveActError: a name that is not held, or more frames than there is room for.
        """
        missing = [name for name in seen if name not in self._slots]
        if missing:
            raise LiveActError(f"The memory does not hold {missing[0]}; it holds {list(self._slots)}")
        runs = _runs([self._slots[name] for name in seen])
        self._make_room(len({name for _, name in written if name not in self._slots}))
        places = tuple((index, self._place(name)) for index, name in written)
        for layer in self._layers:
            layer.runs, layer.written = runs, places

    def keep(self, names: Collection[Hashable]) -> None:
        """Let everything else go."""
        for name in [name for name in self._slots if name not in names]:
            self._free.append(self._slots.pop(name))
        # The lowest slot is taken first, so that frames in order lie in few runs.
        self._free.sort()

    def _place(self, name: Hashable) -> int:
        if name not in self._slots:
            self._slots[name] = self._free.pop(0)
        return self._slots[name]

    def _make_room(self, frames: int) -> None:
        lacking = frames - len(self._free)
        if lacking <= 0:
            return
        if self._bound is not None:
            raise LiveActError(
                f"The memory has {self._bound} slots and holds {list(self._slots)}: there is no room for {frames} more"
            )
        size = self._size + lacking
        for layer in self._layers:
            layer.keys, layer.values = self._grown(layer.keys, size), self._grown(layer.values, size)
        self._free += range(self._size, size)
        self._size = size

    def _grown(self, old: Store, size: int) -> Store:
        grown, tokens = self._empty(size), self._size * self._frame.tokens
        if tokens:
            grown.write(0, old.read(0, tokens))
        return grown

    def _empty(self, slots: int) -> Store:
        shape = (self._frame.batch, slots * self._frame.tokens, self._frame.heads, self._frame.head_dim)
        return self._store.build(shape, self._frame.dtype, self._frame.device)


def _runs(slots: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Slots as runs of neighbours, which are read at once."""
    breaks = [i + 1 for i, (a, b) in enumerate(pairwise(slots)) if b != a + 1]
    edges = [0, *breaks, len(slots)]
    return tuple((slots[a], slots[b - 1] + 1) for a, b in pairwise(edges) if a < b)
